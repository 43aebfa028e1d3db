"""Tests that run apart from the candidate: what upstream's verdict would be, without trusting the candidate."""

from __future__ import annotations

import pytest

from harness.sandboxes import open_sandbox
from harness.types import Sandbox, Status, Trust

from .work import apart, outcome, outcomes

IDENTITY = "def f(n):\n    return n\n"
EQUAL = "class Equal:\n    def __eq__(self, other):\n        return True\n"


@pytest.mark.parametrize(
    ("tests", "reference", "source", "expected"),
    [
        # equal answers, equal ones of another type, wrong ones
        ("assert f(2) == 4", "def f(n):\n    return n * n\n", "def f(n):\n    return n ** 2\n", Status.PASSED),
        ("assert f(2) == 4", "def f(n):\n    return n * n\n", "def f(n):\n    return 4.0\n", Status.PASSED),
        ("assert f(2) == 4", "def f(n):\n    return n * n\n", "def f(n):\n    return 5\n", Status.WRONG_ANSWER),
        # what a test does with a value is done to the value: iterators and views arrive as such
        (
            "assert list(f()) == [1, 2]",
            "def f():\n    return [1, 2]\n",
            "def f():\n    yield 1\n    yield 2\n",
            Status.PASSED,
        ),
        (
            "assert f() == [1, 2]",
            "def f():\n    return [1, 2]\n",
            "def f():\n    return map(int, '12')\n",
            Status.WRONG_ANSWER,
        ),
        (
            "assert sum(f()) == 3",
            "def f():\n    return [1, 2]\n",
            "def f():\n    return {1: 1, 2: 2}.values()\n",
            Status.PASSED,
        ),
        # arguments that a function changes are changed in the test
        (
            "x = [3, 1]\nf(x)\nassert x == [1, 3]",
            "def f(x):\n    x.sort()\n",
            "def f(x):\n    x[:] = sorted(x)\n",
            Status.PASSED,
        ),
        (
            "x = {1}\nf(x)\nassert x == {1, 2}",
            "def f(x):\n    x.add(2)\n",
            "def f(x):\n    pass\n",
            Status.WRONG_ANSWER,
        ),
        # exceptions keep their type
        (
            "try:\n    f(0)\n    assert False\nexcept ZeroDivisionError:\n    pass",
            "def f(n):\n    return 1 / n\n",
            "def f(n):\n    raise ZeroDivisionError('no')\n",
            Status.PASSED,
        ),
        ("assert f(0) == 1", "def f(n):\n    return 1\n", "def f(n):\n    return 1 / n\n", Status.RUNTIME_ERROR),
        ("assert f(0) < 1", "def f(n):\n    return 0\n", "def f(n):\n    return None\n", Status.RUNTIME_ERROR),
        # a call that follows from an earlier, valid but different answer
        (
            "x = f(1)\nassert x in (5, 7)\nassert f(x) == 2 * x\nassert f(3 * x) == 6 * x",
            "def f(n):\n    return 5 if n == 1 else 2 * n\n",
            "def f(n):\n    return 7 if n == 1 else 2 * n\n",
            Status.PASSED,
        ),
        (
            "x = f(1)\nassert f(x) == 2 * x",
            "def f(n):\n    return 5 if n == 1 else 2 * n\n",
            "import os\ndef f(n):\n    return int.from_bytes(os.urandom(6), 'big')\n",
            Status.WRONG_ANSWER,
        ),
        # random inputs are the same for the candidate as for the reference
        (
            "import random\nfor _ in range(20):\n    n = random.randint(0, 9999)\n    assert f(n) == n + 1",
            "def f(n):\n    return n + 1\n",
            "def f(n):\n    return -~n\n",
            Status.PASSED,
        ),
        # what was answered before the end counts, the end decides where answers are missing
        (
            "assert f(1) == 1\nassert f(2) == 2",
            IDENTITY,
            "def f(n):\n    while n == 2: pass\n    return n\n",
            Status.TIMEOUT,
        ),
        (
            "assert f(1) == 1\nassert f(2) == 2",
            IDENTITY,
            "def f(n):\n    while n == 2: pass\n    return 0\n",
            Status.WRONG_ANSWER,
        ),
        (
            "assert f(1) == 1\nassert f(2) == 2",
            IDENTITY,
            "import os\ndef f(n):\n    return n if n == 1 else os._exit(0)\n",
            Status.RUNTIME_ERROR,
        ),
        ("assert f(1) == 1", IDENTITY, "def f(n)\n    return n\n", Status.SYNTAX_ERROR),
        ("assert f(1) == 1", IDENTITY, "def f(n):\n    return n\n'''", Status.SYNTAX_ERROR),
        ("assert f(1) == 1", IDENTITY, "def g(n):\n    return n\n", Status.RUNTIME_ERROR),
        ("assert f(1) == 1", IDENTITY, "f = lambda n: 'x' * (1 << 29)\n", Status.OUTPUT),
        # what is not a plain value equals nothing
        ("assert f(1) == 1", IDENTITY, EQUAL + "def f(n):\n    return Equal()\n", Status.WRONG_ANSWER),
        ("assert f(1)", IDENTITY, "import os\nos.write(3, b'ok')\ndef f(n):\n    return n\n", Status.TAMPERED),
        (
            "assert f(1) == 1",
            IDENTITY,
            "import sys\ndef f(n):\n    frame = sys._getframe()\n    while frame:\n"
            "        if 'expected' in frame.f_locals: return frame.f_locals['expected']\n"
            "        frame = frame.f_back\n    return 2\n",
            Status.WRONG_ANSWER,
        ),
    ],
)
def test_the_verdict_is_the_one_of_the_tests_on_what_was_answered(
    sandbox: Sandbox, tests: str, reference: str, source: str, expected: Status
) -> None:
    """Each is judged by another process than the one that ran it."""
    verdict = outcome(sandbox, apart(source, tests=tests, reference=reference))

    assert (verdict.status, verdict.trust) == (expected, Trust.SPLIT), verdict.detail


def test_the_detail_names_the_assert_and_the_answer(sandbox: Sandbox) -> None:
    """Enough to see what went wrong without running anything."""
    source, reference = IDENTITY, "def f(n):\n    return n + 1\n"
    verdict = outcome(sandbox, apart(source, tests="assert f(1) == 2", reference=reference))

    assert "assert f(1) == 2" in verdict.detail
    assert "f(...) returned 1" in verdict.detail


def test_a_value_that_cannot_be_carried_is_named_where_it_alone_fails_a_sample(sandbox: Sandbox) -> None:
    """A class with an `==` of its own passes upstream; apart it fails, and the outcome says for which value."""
    reference = "def f(n):\n    return 'x'\n"
    honest = "class Text:\n    def __eq__(self, other):\n        return other == 'x'\ndef f(n):\n    return Text()\n"
    wrong = honest.replace("'x'", "'y'")
    plain = "def f(n):\n    return 'y'\n"

    outcomes_of = outcomes(
        sandbox,
        [apart(one, tests="assert f(1) == 'x'", reference=reference, key=one) for one in (honest, wrong, plain)],
    )

    assert {found.status for found in outcomes_of.values()} == {Status.WRONG_ANSWER}
    assert [outcomes_of[one].uncarried for one in (honest, wrong, plain)] == ["a Text", "a Text", ""]


def test_a_reference_that_fails_its_tests_leaves_them_with_the_candidate(sandbox: Sandbox) -> None:
    """Nothing can be noted of such a problem: it is judged as upstream does, and the verdict says so."""
    source = "def f(n):\n    return 2\n"
    verdict = outcome(sandbox, apart(source, tests="assert f(1) == 2", reference="def f(n):\n    return 1\n"))

    assert (verdict.status, verdict.trust) == (Status.PASSED, Trust.IN_PROCESS)


def test_in_process_is_upstreams_own_way(sandbox: Sandbox) -> None:
    """Asked for, the tests run in the candidate's interpreter, where an object can claim to equal everything."""
    forged = EQUAL + "def f(n):\n    return Equal()\n"
    item = apart(forged, tests="assert f(1) == 1", reference=IDENTITY)
    with open_sandbox(sandbox.name, environment="core", workers=1, trust=Trust.IN_PROCESS) as trusting:
        verdict = outcome(trusting, item)

    assert (verdict.status, verdict.trust) == (Status.PASSED, Trust.IN_PROCESS)


VALUES = {
    "Numpy": """
import numpy as np
a = [np.arange(6).reshape(2, 3), np.array(['a', None], dtype=object), np.float32(1.5), np.matrix([[1, 2]]),
     np.array(['2020-01-01'], 'M8[D]'), np.zeros((0, 3)), np.bool_(True), np.array(1 + 2j)]
def same(x, y):
    assert type(x) is type(y) and x.dtype == y.dtype and x.shape == y.shape and (x == y).all()
""",
    "Pandas": """
import numpy as np, pandas as pd, datetime, pytz
t = pd.date_range('2020-01-01', periods=3, freq='D', tz='US/Central', name='when')
a = [pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': [1.5, float('nan')]}, index=['p', 'q']),
     pd.DataFrame([[1, 2.0, 'x']], columns=
       pd.MultiIndex.from_tuples([('u', 1), ('u', 2), ('v', 1)], names=['m', None])),
     pd.DataFrame({'when': t, 'cat': pd.Categorical(['b', 'a', 'b'], ordered=True, categories=['b', 'a'])}),
     pd.DataFrame({'i': pd.array([1, None], dtype='Int64'), 's': pd.array(['x', None], dtype='string'),
                   'f': pd.array([True, None], dtype='boolean')}),
     pd.Series(pd.period_range('2020', periods=2, freq='M'), name=('tuple', 1)),
     pd.Series(pd.to_timedelta([1, 2], 's')),
     pd.Series([1, 2], index=t[:2]), pd.Series(pd.interval_range(0, 2)),
     pd.DataFrame(), pd.DataFrame({'a': [1], 'b': [2]}).T,
     t, pd.RangeIndex(1, 9, 2, name='r'), pd.Index([1.5, 2]), pd.CategoricalIndex(['a', 'b'], name='c'),
     pd.MultiIndex.from_product([[1, 2], ['x', 'y']], names=['n', 'm'])]
b = [pd.Timestamp('2020-01-01', tz='UTC'), pd.Timestamp('2021-05-05 10:00', tz=pytz.FixedOffset(-360)),
     pd.Timedelta('1d'),
     pd.Period('2020-01', 'M'), pd.Interval(0, 1, closed='left')]
def same(x, y):
    if isinstance(x, pd.DataFrame):
        return pd.testing.assert_frame_equal(x, y, check_freq=True)
    if isinstance(x, pd.Series):
        return pd.testing.assert_series_equal(x, y, check_freq=True)
    if isinstance(x, pd.Index):
        return pd.testing.assert_index_equal(x, y, exact=True)
    assert x == y and type(x) is type(y) and str(x) == str(y)
assert f(pd.NaT) is pd.NaT and f(pd.NA) is pd.NA
a += b
""",
    "Sklearn": """
import numpy as np
from scipy import sparse
from sklearn.svm import SVC
from sklearn.utils import Bunch
eye = sparse.random(4, 5, density=0.4, random_state=0)
forms = (sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.lil_matrix, sparse.dok_matrix)
a = [form(eye) for form in forms]
def same(x, y):
    assert type(x) is type(y) and x.dtype == y.dtype and (x.toarray() == y.toarray()).all()
assert f(SVC(C=3)).get_params() == SVC(C=3).get_params() and f(Bunch(a=[1])).a == [1]
""",
    "Pytorch": """
import torch
a = [torch.arange(6).reshape(2, 3), torch.tensor(1.5, requires_grad=True), torch.zeros(0, 2), torch.tensor([True]),
     torch.ones(2, dtype=torch.bfloat16), torch.tensor([1 + 2j])]
def same(x, y):
    assert x.dtype == y.dtype and x.shape == y.shape and torch.equal(x, y) and x.requires_grad == y.requires_grad
""",
    "Tensorflow": """
import tensorflow as tf
a = [tf.range(6), tf.constant([[1.5]]), tf.constant(['x', 'y']), tf.constant([True]), tf.Variable([1, 2])]
def same(x, y):
    assert type(x) is type(y) and x.dtype == y.dtype and bool(tf.reduce_all(tf.equal(x, y)))
""",
}


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize("library", VALUES)
def test_the_values_of_a_library_arrive_as_they_were_sent(library: str, ds1000_image: str) -> None:
    """There and back: arrays, tables, tensors and unfitted estimators are equal, with their types and labels."""
    tests = VALUES[library] + "for x in a:\n    same(f(x), x)\n"
    source = "def f(x):\n    return x\n"
    item = apart(source, tests=tests, reference=source, group=library)
    with open_sandbox("docker", environment="ds1000", workers=1) as sandbox:
        verdict = outcome(sandbox, item)

    assert (verdict.status, verdict.trust) == (Status.PASSED, Trust.SPLIT), verdict.detail
