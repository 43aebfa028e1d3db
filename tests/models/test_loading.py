"""From what a user names to a checkpoint and a backend."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import ModelError, UsageError
from harness.models.loading import choose_backend, open_model
from tests.checkpoints import write_bare

BROKEN = "raise ImportError('libcudart.so.13: cannot open shared object file\\nmore')\n"


def is_installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "smollm2-135m-instrct",
            'model "smollm2-135m-instrct" is not known. Did you mean "smollm2-135m-instruct"? It is no folder here',
        ),
        ("relpay:", 'Did you mean "replay:"?'),
        ("qqqq", "Known: smollm2-135m-instruct, qwen2.5-coder-0.5b-instruct, openai:, replay:"),
    ],
)
def test_an_unknown_name_offers_the_nearest(spec: str, message: str) -> None:
    """Or all there are, where none is near."""
    with pytest.raises(UsageError) as caught:
        open_model(spec, backend=any_backend())

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_backend_offers_the_nearest(tmp_path: Path) -> None:
    """Before anything is loaded."""
    with pytest.raises(UsageError, match=r'backend "transformer" is not known\. Did you mean "transformers"\?'):
        open_model(str(write_bare(tmp_path)), backend="transformer")


@pytest.mark.parametrize("spec", ["./none", "none/of/these", "/nonexistent/checkpoint"])
def test_what_looks_like_a_path_is_never_looked_for_on_the_hub(spec: str) -> None:
    """A mistyped folder is an error at once."""
    with pytest.raises(ModelError, match=f"checkpoint {spec.removeprefix('./')} does not exist"):
        open_model(spec, backend=any_backend())


@pytest.mark.parametrize("spec", ["smollm2-135m-instrct", "./none", "none/of/these"])
def test_a_wrong_name_is_told_before_an_engine_is_imported(spec: str) -> None:
    """vLLM takes seconds; in a process of its own, as this one may have imported it."""
    program = f"""
import sys
from harness.errors import HarnessError
from harness.models.loading import open_model
try:
    open_model({spec!r})
except HarnessError:
    print(sorted({{"vllm", "torch"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=True)

    assert done.stdout == "[]\n"


def any_backend() -> str:
    """One that is installed, so that the name is what is looked at."""
    for name in ("transformers", "vllm"):
        if is_installed(name):
            return name
    pytest.skip("no backend is installed (transformers or vllm)")


@pytest.mark.parametrize("backend", ["vllm", "transformers"])
def test_an_installed_backend_is_taken_when_asked_for(backend: str, tmp_path: Path) -> None:
    """And the record of the run says that it was."""
    if not is_installed(backend):
        pytest.skip(f"the package {backend} is not installed")
    facts = open_model(str(write_bare(tmp_path)), backend=backend).describe()

    assert (facts["adapter"], facts["backend_reason"]) == (backend, "asked for")


def test_without_vllm_auto_takes_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says why."""
    if not (is_installed("transformers") and is_installed("torch")):
        pytest.skip("the packages transformers and torch are not installed")
    monkeypatch.setitem(sys.modules, "vllm", None)

    assert choose_backend("auto") == ("transformers", "vLLM is not installed")


@pytest.mark.parametrize("backend", ["auto", "vllm", "transformers"])
def test_without_any_backend_the_error_says_what_to_install(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without a GPU."""
    for name in ("vllm", "torch"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(ModelError, match=r"is installed; pip install '\.\[cpu\]' or pip install '\.\[gpu\]'"):
        choose_backend(backend)


def test_a_vllm_that_cannot_be_imported_is_passed_over(tmp_path: Path) -> None:
    """Such as one built for a GPU whose libraries are missing: one line says so."""
    if not (is_installed("transformers") and is_installed("torch")):
        pytest.skip("the packages transformers and torch are not installed")
    broken = tmp_path / "vllm"
    broken.mkdir()
    (broken / "__init__.py").touch()
    (broken / "platforms.py").write_text(BROKEN, encoding="utf-8")
    program = "from harness.models.loading import choose_backend; print(*choose_backend('auto'), sep='\\n')"

    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {program}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.splitlines() == [
        "transformers",
        "vLLM is installed but cannot be imported (ImportError: libcudart.so.13: cannot open shared object file)",
    ]


def test_a_vllm_that_works_is_what_auto_takes() -> None:
    """In a process of its own, for vLLM prints as it is imported; nothing of that is shown."""
    if not is_installed("vllm"):
        pytest.skip("the package vllm is not installed")
    program = "from harness.models.loading import choose_backend; print(*choose_backend('auto'), sep='\\n')"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)

    assert done.stdout.splitlines() == ["vllm", "vLLM is installed and supports this processor"]
    assert done.stderr == ""
