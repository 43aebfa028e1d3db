# attack: reports twice that it is ready
# problem: calls
# expect: tampered
# with: reporting
def add_one(n):
    record(b"G", b"")
    record(b"G", b"")
    os._exit(0)
