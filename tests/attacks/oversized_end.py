# attack: reports an end of a megabyte
# problem: calls
# expect: tampered
# with: reporting
def add_one(n):
    record(b"E", END.ljust(1 << 20, b"x"))
    os._exit(0)
