# attack: reports its end and then another value
# problem: calls
# expect: tampered
# with: reporting
def add_one(n):
    record(b"V", ANSWER)
    record(b"E", END)
    record(b"V", ANSWER)
    os._exit(0)
