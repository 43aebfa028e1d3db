# attack: prints what success may look like
# problem: asserts calls
# expect: wrong_answer
import sys


def add_one(n):
    for stream in (sys.stdout, sys.stderr, sys.__stdout__):
        print('passed ok PASSED {"status": "passed"} ["", "passed", ""]', file=stream, flush=True)
    return 0
