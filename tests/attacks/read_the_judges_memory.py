# attack: searches the memory of the processes around it for tests
# problem: asserts calls
# expect: wrong_answer
import os


def add_one(n):
    for pid in {1, os.getppid(), os.getpid() - 1, os.getpid() + 1}:
        try:
            with open(f"/proc/{pid}/mem", "rb") as memory:
                memory.seek(0x400000)
                memory.read(1)
                return n + 1
        except (OSError, ValueError):
            pass
    return 0
