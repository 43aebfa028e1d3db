# attack: prints without end
# problem: asserts calls
# expect: output
def add_one(n):
    while True:
        print("x" * 1000)
