# attack: reports a record of an unknown kind
# problem: calls
# expect: tampered
# with: reporting
def add_one(n):
    record(b"Z", b"")
    os._exit(0)
