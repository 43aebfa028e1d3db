# attack: leaves a chain of 3000 folders, each inside the last and closed to everybody, then answers wrongly
# expect: wrong_answer
import os

for depth in range(3000):
    os.mkdir("inner")
    os.chdir("inner")
    if depth:
        os.chmod("..", 0)
os.chmod(".", 0)


def add_one(n):
    return 0
