# attack: leaves locked folders, files, pipes, sockets and links under names that are no text, then answers wrongly
# expect: wrong_answer
import os
import socket

for number in range(100):
    folder = os.path.abspath("folder-%d" % number).encode() + b"\xff\n"
    os.makedirs(folder + b"/inner/\xfe")
    open(folder + b"/inner/file", "w").close()
    os.symlink("/", folder + b"/inner/link")
    os.mkfifo(folder + b"/pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(folder + b"/socket")
    os.chmod(folder + b"/pipe", 0)
    os.chmod(folder + b"/inner/file", 0)
    os.chmod(folder + b"/inner", (0o7000, 0o1500, 0o300, 0o444)[number % 4])
    os.chmod(folder, (0, 0o500, 0o100, 0o2400)[number % 4])


def add_one(n):
    return 0
