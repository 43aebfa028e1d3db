# attack: writes wherever it can outside its scratch folders; right only if some place let it
# expect: wrong_answer
import os


def add_one(n):
    written = []
    for folder in (
        "/",
        "/etc",
        "/usr",
        "/usr/lib",
        "/root",
        "/home",
        "/opt",
        "/var",
        "/dev",
        "/proc/sys/kernel",
        os.path.dirname(os.__file__),
    ):
        try:
            with open(os.path.join(folder, "planted"), "w") as file:
                file.write("x")
            written.append(folder)
        except OSError:
            pass
    return n + 1 if written else 0
