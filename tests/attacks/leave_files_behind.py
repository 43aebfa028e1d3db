# attack: leaves a module, a locked folder and a link for the next program, then answers wrongly
# expect: wrong_answer
import os


def add_one(n):
    for folder in ("/tmp", "/dev/shm", "."):
        try:
            with open(os.path.join(folder, "math.py"), "w") as file:
                file.write("raise SystemExit(0)")
            os.makedirs(os.path.join(folder, "deep", "deeper"), exist_ok=True)
            os.symlink("/", os.path.join(folder, "deep", "link"))
            os.chmod(os.path.join(folder, "deep"), 0)
        except OSError:
            pass
    return 0
