# attack: reports times that it was not asked for
# problem: calls
# expect: tampered
# with: reporting
def add_one(n):
    record(b"T", b"l\0\0\0\0")
    os._exit(0)
