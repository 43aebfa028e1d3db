# attack: aborts, and would leave a core file
# problem: asserts calls
# expect: runtime_error
import os
import resource


def add_one(n):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30))
    except ValueError:
        pass
    os.abort()
