# attack: allocates and touches 2 GB
# expect: memory
def add_one(n):
    block = bytearray(2 << 30)
    return block[n] + 2
