# attack: reports a million values to three calls
# problem: asserts calls
# expect: tampered
# with: reporting
def add_one(n):
    for _ in range(1000):
        record(b"V", b"")
    os.write(3, b"V\0\0\0\0" * 100000)
    os._exit(0)
