"""Arrays across the boundary: numpy, scipy.sparse, torch, TensorFlow and unfitted scikit-learn values for `codec`.

Each becomes a name and parts that `codec` carries: buffers, shapes, and the names of types from the lists in this
file. Nothing is pickled, and no library is imported to write a value: one that was not imported made none.

Not carried: fitted models, ragged and sparse tensors, record arrays.
"""

import importlib
import re
import sys
from typing import Any, Dict, Optional, Tuple

from . import codec

NUMPY_TYPE = re.compile(r"[<>|=][biufcSUMm][0-9]{1,9}(\[[0-9]*[A-Za-z]+\])?")
"""As `numpy.dtype.str` spells those that are carried."""
SPARSE = [
    "%s_%s" % (form, kind) for form in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil") for kind in ("matrix", "array")
]
MAX_CELLS = 1 << 22
"""Cells that a sparse matrix may have beside its entries, for which no bytes cross the boundary."""
Parts = Optional[Tuple[str, Tuple[Any, ...]]]


def _numpy(value: Any) -> Parts:
    numpy = sys.modules.get("numpy")
    kind = type(value)  # never value.__class__, which may be a property
    if numpy is None or not issubclass(kind, (numpy.ndarray, numpy.generic)):
        return None
    if issubclass(kind, numpy.generic):
        if getattr(numpy, codec.name_of(kind), None) is not kind or not NUMPY_TYPE.fullmatch(value.dtype.str):
            return None
        if kind is numpy.str_ or kind is numpy.bytes_:  # an array would lose null characters at the end
            return "text", (str.__str__(value) if kind is numpy.str_ else bytes.__getitem__(value, slice(None)),)
        return "scalar", (value.dtype.str, value.tobytes())
    if kind is not numpy.ndarray and kind is not numpy.matrix:
        return None
    if value.nbytes > codec.MAX_BYTES:
        raise codec.TooLarge("a numpy array over the cap")
    name = "matrix" if kind is numpy.matrix else "array"
    if value.dtype.kind == "O":
        return name, ("O", value.shape, value.ravel().tolist() if kind is numpy.ndarray else value.A1.tolist())
    if not NUMPY_TYPE.fullmatch(value.dtype.str) or value.dtype.itemsize == 0:
        return None
    return name, (value.dtype.str, value.shape, value.tobytes())


def _make_array(dtype: str, shape: Tuple[int, ...], data: Any) -> Any:
    import numpy

    if type(dtype) is not str or type(shape) is not tuple:
        raise codec.Damaged("an array without a type and a shape")
    if dtype == "O":
        if type(data) is not list:
            raise codec.Damaged("an array of objects that are no list")
        array = numpy.empty(len(data), dtype=object)
        for index, item in enumerate(data):
            array[index] = item
        return array.reshape(shape)
    if not NUMPY_TYPE.fullmatch(dtype) or type(data) is not bytes:
        raise codec.Damaged("not a numpy type with its bytes: %s" % dtype[: codec.MAX_NAME])
    return numpy.frombuffer(data, dtype=numpy.dtype(dtype)).reshape(shape).copy()


def _check_array(array: Any) -> None:
    """Raise Damaged unless this is an array of numbers, a number or text of numpy: a range would be written out."""
    import numpy

    if type(array) is not bytes and not issubclass(type(array), (numpy.ndarray, numpy.generic)):
        raise codec.Damaged("not an array")


def _make_matrix(dtype: str, shape: Tuple[int, ...], data: Any) -> Any:
    import numpy

    return numpy.asmatrix(_make_array(dtype, shape, data))


def _scipy(value: Any) -> Parts:
    sparse = sys.modules.get("scipy.sparse")
    name = codec.name_of(type(value))
    if sparse is None or name not in SPARSE or getattr(sparse, name, None) is not type(value):
        return None
    if name.startswith(("csr", "csc")):
        return "sparse", (name, value.shape, (value.data, value.indices, value.indptr))
    entries = value.tocoo()
    if _count_cells(name, value.shape, entries.row, entries.col) > MAX_CELLS:
        return None
    return "sparse", (name, value.shape, (entries.data, entries.row, entries.col))


def _count_cells(name: str, shape: Tuple[int, ...], row: Any, column: Any) -> int:
    """Return how many cells a format has beside its entries: rows, or diagonals all along."""
    import numpy

    if name.startswith("dia"):
        return len(numpy.unique(column.astype("i8") - row)) * int(shape[1])
    return int(shape[0]) if name.startswith(("bsr", "lil")) else 0


def _make_sparse(name: str, shape: Tuple[int, ...], arrays: Tuple[Any, Any, Any]) -> Any:
    from scipy import sparse

    if name not in SPARSE or [type(parts) for parts in (shape, arrays)] != [tuple, tuple] or len(shape) != 2:
        raise codec.Damaged("no sparse matrix")
    for array in arrays:
        _check_array(array)
    if name.startswith(("csr", "csc")):
        matrix = getattr(sparse, name)(arrays, shape=shape)
        matrix.check_format(full_check=True)  # compiled code trusts the indices
        return matrix
    data, row, column = arrays
    if _count_cells(name, shape, row, column) > MAX_CELLS:
        raise codec.Damaged("a sparse matrix of too many cells")
    return getattr(sparse, name)(sparse.coo_matrix((data, (row, column)), shape=shape))


def _torch(value: Any) -> Parts:
    torch = sys.modules.get("torch")
    if torch is None or type(value) is not torch.Tensor or value.layout is not torch.strided:
        return None
    plain = value.detach().cpu().contiguous()
    return "tensor", (str(value.dtype), tuple(value.shape), value.requires_grad, _bytes_of(torch, plain))


def _bytes_of(torch: Any, plain: Any) -> bytes:
    if plain.numel() == 0:
        return b""
    data: bytes = plain.reshape(-1).view(torch.uint8).numpy().tobytes()
    return data


def _make_tensor(dtype: str, shape: Tuple[int, ...], requires_grad: bool, data: bytes) -> Any:
    import torch

    if [type(part) for part in (dtype, shape, data)] != [str, tuple, bytes]:
        raise codec.Damaged("a tensor without type, shape and bytes")
    kind = getattr(torch, dtype.rpartition(".")[2], None)
    if not isinstance(kind, torch.dtype):
        raise codec.Damaged("no torch type: %s" % dtype)
    flat = torch.frombuffer(bytearray(data), dtype=kind) if data else torch.empty(0, dtype=kind)
    return flat.reshape(shape).requires_grad_(requires_grad)


def _tensorflow(value: Any) -> Parts:
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return None
    if issubclass(type(value), tensorflow.Variable):
        return "variable", (value.numpy(),)
    if codec.name_of(type(value)) == "EagerTensor" and tensorflow.is_tensor(value) and hasattr(value, "numpy"):
        return "eager", (value.numpy(), value.dtype.name)
    return None


def _make_eager(array: Any, dtype: str) -> Any:
    import tensorflow

    _check_array(array)
    return tensorflow.constant(array, dtype=dtype)


def _make_variable(array: Any) -> Any:
    import tensorflow

    _check_array(array)
    return tensorflow.Variable(array)


def _sklearn(value: Any) -> Parts:
    base, utils = sys.modules.get("sklearn.base"), sys.modules.get("sklearn.utils")
    if base is None or utils is None:
        return None
    kind = type(value)
    if kind is utils.Bunch:
        return "bunch", (dict(value),)
    if not issubclass(kind, base.BaseEstimator) or not kind.__module__.startswith("sklearn."):
        return None
    if any(name.endswith("_") for name in vars(value)):  # fitted, by scikit-learn's convention
        return None
    return "estimator", (kind.__module__, kind.__qualname__, value.get_params(deep=False))


def _make_bunch(items: Dict[str, Any]) -> Any:
    from sklearn.utils import Bunch

    return Bunch(**items)


def _make_estimator(module: str, name: str, parameters: Dict[str, Any]) -> Any:
    """Make an unfitted estimator: scikit-learn's constructors only keep what they are given."""
    from sklearn.base import BaseEstimator

    kind = getattr(importlib.import_module(module), name, None) if module.startswith("sklearn.") else None
    if not (isinstance(kind, type) and issubclass(kind, BaseEstimator)):
        raise codec.Damaged("no estimator: %s.%s" % (module, name))
    return kind(**parameters)


def _make_scalar(dtype: str, data: bytes) -> Any:
    return _make_array(dtype, (1,), data)[0]


def _make_text(text: Any) -> Any:
    import numpy

    if type(text) not in (str, bytes):
        raise codec.Damaged("a numpy text of something else")
    return numpy.str_(text) if type(text) is str else numpy.bytes_(text)


codec.FOREIGN_PARTS.extend((_numpy, _scipy, _torch, _tensorflow, _sklearn))
codec.FOREIGN_TYPES.update(
    {
        b"scalar": _make_scalar,
        b"text": _make_text,
        b"array": _make_array,
        b"matrix": _make_matrix,
        b"sparse": _make_sparse,
        b"tensor": _make_tensor,
        b"eager": _make_eager,
        b"variable": _make_variable,
        b"bunch": _make_bunch,
        b"estimator": _make_estimator,
    }
)
