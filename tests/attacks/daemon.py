# attack: a daemon (double fork, new session) that outlives its program and writes into the scratch folder
# expect: wrong_answer
import os
import time


def add_one(n):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                try:
                    open("/tmp/here", "w").close()
                except OSError:
                    pass
                time.sleep(0.001)
        os._exit(0)
    time.sleep(0.05)
    return 0
