# attack: leaves a word for later programs on its scratch folders: attributes, mode, times
# expect: wrong_answer
import os

for folder in ("/tmp", "/dev/shm", "/dev/null"):
    for attempt in (
        lambda: os.setxattr(folder, "user.word", b"word"),
        lambda: os.utime(folder, (77, 77)),
        lambda: os.chmod(folder, 0o2700),
        lambda: os.mkdir(f"{folder}/word"),
        lambda: os.rmdir(f"{folder}/word"),
    ):
        try:
            attempt()
        except OSError:
            pass


def add_one(n):
    return 0
