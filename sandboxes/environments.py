"""Environments: what programs of a benchmark may import, by name.

An environment is a set of packages, pinned in `images/NAME.txt`, that a Docker image or an interpreter
offers; `preloads` are imported once per worker, before any program is forked. Only imports may happen there:
a library that has computed may have started threads, which a fork does not copy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..data import DataFile
from ..errors import UsageError
from .languages import LANGUAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Packages and what of them is imported before the fork."""

    name: str
    packages: tuple[str, ...] = ()
    """Those of the harness's own interpreter that its programs may see where no virtual environment is built."""
    preloads: Mapping[str, tuple[str, ...]]
    """By preload group; "" is the default group."""
    needs_venv: bool = False
    """Whether the process sandbox needs a virtual environment: the harness's own interpreter lacks the packages."""
    executes: bool = False
    """Whether commands build and run its programs: its image has Debian's packages, a scratch folder may hold what is
    run, and a program's tests are part of it, so that verdicts are in-process."""
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By preload group: patterns of what the process sandbox shows besides."""
    scratch_bytes: int = 64 << 20
    memory_bytes: int = 1 << 30
    """The most that one program of it is promised."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of its programs."""
    folders: Mapping[str, tuple[DataFile, ...]] = field(default_factory=dict)
    """Data files by the variable that tells programs their folder."""
    extra_index: str = ""
    """Where wheels come from that the configured package index does not have."""
    trimmed: tuple[str, ...] = ()
    """Glob patterns of installed files that no program needs."""

    @property
    def contents(self) -> str:
        """Return what decides its image and virtual environment beside the requirements; "" where nothing does."""
        if not (self.variables or self.folders or self.trimmed):
            return ""
        data = {name: [(file.name, file.sha256) for file in files] for name, files in self.folders.items()}
        return json.dumps([dict(self.variables), data, self.trimmed], sort_keys=True)

    def settings(self, root: str) -> dict[str, str]:
        """Return the environment variables of its programs, whose data folders are below `root`."""
        return {**self.variables, **{variable: f"{root}/{variable.lower()}" for variable in self.folders}}


def digest_of(*parts: str) -> str:
    """Return twelve hex digits that name what was built from `parts`."""
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:12]


# the modules that reference solutions and completions of the function benchmarks import
STANDARD = (
    "bisect cmath collections copy datetime decimal fractions functools hashlib heapq itertools json "
    "math operator random re statistics string typing"
)
DATA_SCIENCE = tuple((STANDARD + " io os tokenize numpy pandas").split())
"""What nearly every program of DS-1000 imports."""
SCIPY = ("scipy.interpolate", "scipy.optimize", "scipy.sparse", "scipy.stats")
SKLEARN = (
    "cluster datasets decomposition ensemble feature_extraction.text linear_model model_selection pipeline "
    "preprocessing svm tree"
)
PILLOW = ("PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.PpmImagePlugin")
"""What Pillow itself imports when it opens its first picture."""
TORCH = ("torch", "torch._dynamo", "torch.distributed.tensor")
"""torch imports the last two when a tensor is first printed or differentiated: 0.4 s."""

SEABORN_DATA = {
    "exercise": "d67ff5896d7d262bba3ec0bd7a8db410e56afc96a0436e08dfe53016d5f1e4e6",
    "penguins": "e07636bd8af74260099ea2f8678e2eabbf35def579940cc76f67061ee16c06c1",
    "planets": "a6d10044887e17396974525a366f5fa2e4b34df70f491e64eb9943de0e3d3825",
    "tips": "e54cc4d2ce1bff65d32ca60b3e4b802e06bde1d7e7caf6f796f6bf7370e863b0",
}

ENVIRONMENTS = {
    "core": Environment(name="core", packages=("numpy",), preloads={"": tuple(STANDARD.split())}, memory_bytes=4 << 30),
    "ds1000": Environment(
        name="ds1000",
        # TensorFlow costs 3 s and 300 MB, torch half of that: a program pays for its own library alone
        preloads={
            "": DATA_SCIENCE,
            "Pandas": DATA_SCIENCE,
            "Numpy": (*DATA_SCIENCE, "scipy.stats"),
            "Matplotlib": (*DATA_SCIENCE, "matplotlib.backends.backend_agg", "seaborn", *PILLOW),
            "Sklearn": (*DATA_SCIENCE, *(f"sklearn.{name}" for name in SKLEARN.split())),
            "Scipy": (*DATA_SCIENCE, *SCIPY),
            "Pytorch": (*DATA_SCIENCE, *TORCH),
            "Tensorflow": (*DATA_SCIENCE, "tensorflow"),
        },
        needs_venv=True,
        memory_bytes=4 << 30,
        variables={
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            # else a thread per core of the machine, against the limit of processes
            "TF_NUM_INTEROP_THREADS": "1",
            "TF_NUM_INTRAOP_THREADS": "1",
        },
        folders={
            "SEABORN_DATA": tuple(
                DataFile(
                    name=f"seaborn-data/{name}.csv",
                    sha256=digest,
                    origin=f"github.com/mwaskom/seaborn-data, {name}.csv",
                    url=f"https://raw.githubusercontent.com/mwaskom/seaborn-data/master/{name}.csv",
                )
                for name, digest in SEABORN_DATA.items()
            )
        },
        extra_index="https://download.pytorch.org/whl/cpu",
        # headers and test programs; the last is for Python 3.12, and a syntax error before
        trimmed=(
            "tensorflow/include",
            "torch/include",
            "torch/test",
            "torch/bin/test_*",
            "torch/bin/protoc*",
            "torch/testing/_internal/py312_intrinsics.py",
        ),
    ),
    "bigcodebench": Environment(
        name="bigcodebench",
        preloads={"": (*DATA_SCIENCE, "unittest.mock", "matplotlib.backends.backend_agg", "seaborn", *PILLOW)},
        needs_venv=True,
        memory_bytes=4 << 30,
        # those that its evaluation sets; no GPU; and librosa's compiled functions lie beside it unless told otherwise
        variables={
            "CUDA_VISIBLE_DEVICES": "-1",
            "MPLBACKEND": "Agg",
            "NUMBA_CACHE_DIR": "/tmp/.numba",  # noqa: S108 - inside the sandbox
            "OMP_NUM_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "TF_NUM_INTEROP_THREADS": "1",
            "TF_NUM_INTRAOP_THREADS": "1",
            "TZ": "UTC",
        },
        trimmed=("tensorflow/include",),
    ),
    "languages": Environment(
        name="languages",
        # a language is a group, so that each has workers of its own
        preloads={"": (), **dict.fromkeys(LANGUAGES, ())},
        executes=True,
        paths={name: language.paths for name, language in LANGUAGES.items()},
        scratch_bytes=512 << 20,
        memory_bytes=3 << 30,
    ),
}


def environment(name: str) -> Environment:
    """Return the environment called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in ENVIRONMENTS:
        raise UsageError(f'environment "{name}" is not known; choose one of {", ".join(ENVIRONMENTS)}')
    return ENVIRONMENTS[name]
