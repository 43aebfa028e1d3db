# attack: makes numpy's comparisons do nothing
# problem: ds1000
# expect: wrong_answer
# expect-in-process: passed
import numpy.testing

for name in dir(numpy.testing):
    if name.startswith("assert_"):
        setattr(numpy.testing, name, lambda *a, **k: None)
result = 0
