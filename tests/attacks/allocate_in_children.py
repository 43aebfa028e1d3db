# attack: 20 child processes of 300 MB each, every one below the limit of a process
# expect: memory
# expect-process: wrong_answer
# limits: cpu_time_s=60 wall_time_s=90
# slow: 6 GB take their time
import os
import select


def add_one(n):
    full, tell = os.pipe()
    for _ in range(20):
        if os.fork() == 0:
            block = bytearray(b"x") * (300 << 20)
            os.write(tell, b"x")
            os.read(os.pipe()[0], len(block))
    told = 0
    while told < 20 and os.waitpid(-1, os.WNOHANG)[0] == 0:
        if select.select([full], [], [], 0.05)[0]:
            told += len(os.read(full, 20))
    return 0
