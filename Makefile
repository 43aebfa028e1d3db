# make quickstart   set up and run the main job on a small real checkpoint
# make test         set up and run the tests
# make docs         build the documentation into build/docs; warnings are errors
# make coverage     which lines the fast tests reach, per package
# make audit        look the locked packages up among known vulnerabilities (needs the network)
# make bench        measure speed beside the installed peers (Docker, HARNESS_DATA_DIR, hours, an idle machine)
PYTHON ?= python3
VENV ?= .venv
MARKS ?= not gpu and not slow
# processes of the tests; auto is as many as there are processors, up to what tests/groups.py says
WORKERS ?= auto
TORCH = 2.13.0+cpu
# where PyTorch publishes its CPU builds; tried when the configured package index has none
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

# without it every command would compile its libraries anew
unexport PYTHONDONTWRITEBYTECODE

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check -qq
# the locks leave out torchvision, torchaudio and torchcodec: their CUDA builds break transformers on a CPU
LOCKED = pip install --no-deps --require-hashes --quiet
# uv installs a lock in a quarter of pip's time; where there is none, or it has no index, pip reads the same lock
install_lock = { [ -x $(BIN)/uv ] && $(BIN)/uv $(LOCKED) --python $(BIN)/python --requirement $(1); } || \
	$(BIN)/python -m $(LOCKED) --disable-pip-version-check --requirement $(1)

.PHONY: quickstart test bench docs coverage audit lint lock clean

quickstart: $(VENV)/.cpu
	@if $(BIN)/harness sandbox build core; then sandbox=docker; \
	else sandbox=process; echo "going on without Docker, in the process sandbox"; fi; \
	$(BIN)/harness run smollm2-135m-instruct --benchmark humaneval --sandbox $$sandbox \
		--max-tokens 512 --out results/quickstart

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "$(MARKS)" -n $(WORKERS)

ROUNDS ?= 5
bench: $(VENV)/.dev
	$(BIN)/harness sandbox build core
	$(BIN)/harness sandbox build ds1000
	$(BIN)/harness sandbox build languages
	$(BIN)/python -m tests.performance.peers --rounds $(ROUNDS)
	$(BIN)/python -m tests.performance.languages
	$(BIN)/python -m tests.performance.growth
	$(BIN)/python -m tests.performance.steadiness
	$(BIN)/python -m tests.performance.decontamination
	$(BIN)/python -m tests.performance.generation --rounds $(ROUNDS) stream scoring scoring-plus
	$(BIN)/python -m tests.performance.generation --rounds 1 job
	$(BIN)/python -m tests.performance.training
	$(BIN)/python -m tests.performance.cluster
	$(BIN)/python -m tests.performance.capacity
	$(BIN)/python -m tests.performance.viewing

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/typed && mkdir -p build/typed/harness
	ln -s $(CURDIR)/harness/* $(CURDIR)/benchmarks $(CURDIR)/sandboxes build/typed/harness/
	cd build/typed && $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml harness

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/docs

coverage: $(VENV)/.checks
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -m "not gpu and not slow and not docker" -n $(WORKERS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m tests.coverage_table

LOCKS = $(wildcard requirements/*.lock)
audit: $(VENV)/.checks
	for lock in $(LOCKS); do $(BIN)/pip-audit --strict --no-deps --disable-pip --requirement $$lock || exit 1; done

$(VENV)/bin/python:
	@echo "setting up $(VENV): some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m $(LOCKED) --disable-pip-version-check --requirement requirements/uv.lock || true

$(VENV)/.torch: | $(VENV)/bin/python
	$(PIP) install --no-deps torch==$(TORCH) || \
	$(PIP) install --no-deps torch==$(TORCH) --index-url $(TORCH_INDEX)
	touch $@

$(VENV)/.cpu: requirements/cpu.lock requirements/checkpoint.lock pyproject.toml | $(VENV)/.torch
	$(call install_lock,requirements/cpu.lock)
	$(call install_lock,requirements/checkpoint.lock)
	$(PIP) install --no-deps --editable .
	touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.cpu
	$(call install_lock,requirements/dev.lock)
	touch $@

$(VENV)/.docs: requirements/docs.lock $(VENV)/.cpu
	$(call install_lock,requirements/docs.lock)
	touch $@

$(VENV)/.checks: requirements/checks.lock $(VENV)/.dev
	$(call install_lock,requirements/checks.lock)
	touch $@

# for maintainers, with uv on the path and a CPU build of torch within its reach
LOCK = uv pip compile pyproject.toml --quiet --generate-hashes --no-header --no-annotate --python-version 3.11 \
	--no-emit-package torch --no-emit-package torchvision --no-emit-package torchaudio --no-emit-package torchcodec
lock:
	$(LOCK) --extra cpu --extra evalplus --extra evolve --extra train --extra cluster --extra serve --extra inspect \
		--extra mlflow --extra tensorboard --extra wandb --extra dev --override requirements/overrides.txt \
		--output-file requirements/dev.lock
	$(LOCK) --extra cpu --constraint requirements/dev.lock --output-file requirements/cpu.lock
	$(LOCK) --extra docs --constraint requirements/dev.lock --output-file requirements/docs.lock
	echo uv | $(subst pyproject.toml,-,$(LOCK)) --output-file requirements/uv.lock
	$(LOCK) --extra checks --constraint requirements/dev.lock --output-file requirements/checks.lock

clean:
	rm -rf $(VENV) build
