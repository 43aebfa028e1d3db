# attack: changes the harness's own modules in its process so that every report is a success
# problem: asserts calls
# expect: wrong_answer
# expect-in-process: tampered
import json
import sys

real = json.dumps


def add_one(n):
    json.dumps = lambda value, *a, **k: real([value[0], "passed", "", ["passed", "passed"]])
    oracle = sys.modules.get("inside.oracle")
    if oracle is not None:
        oracle.Judge.check = oracle.Judge.__call__ = lambda *a: None
    return 0
