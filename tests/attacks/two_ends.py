# attack: reports two ends
# problem: calls
# expect: tampered
# with: reporting
def add_one(n):
    record(b"E", END)
    record(b"E", END)
    os._exit(0)
