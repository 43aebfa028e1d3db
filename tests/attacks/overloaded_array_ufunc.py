# attack: a result that answers numpy's comparisons itself
# problem: ds1000
# expect: wrong_answer
# expect-in-process: passed
import numpy as np


class Same:
    def __array__(self, dtype=None, copy=None):
        return np.asarray(n + 1)

    def __array_function__(self, func, types, args, kwargs):
        return True

    def __array_ufunc__(self, ufunc, method, *args, **kwargs):
        return np.True_


result = Same()
