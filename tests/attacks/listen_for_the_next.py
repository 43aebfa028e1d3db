# attack: listens on abstract, local and internet addresses for the next program
# problem: asserts calls
# expect: wrong_answer
import os
import socket


def add_one(n):
    if os.fork() == 0:
        os.setsid()
        kept = []
        for family, address in ((socket.AF_UNIX, "\0left"), (socket.AF_UNIX, "/tmp/left"), (socket.AF_INET, ("127.0.0.1", 7))):
            try:
                listener = socket.socket(family)
                listener.bind(address)
                listener.listen()
                kept.append(listener)
            except OSError:
                pass
        while True:
            os.sched_yield() if not kept else kept[0].accept()
    return 0
