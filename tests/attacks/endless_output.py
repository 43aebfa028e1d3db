# attack: prints without end
# expect: output
def add_one(n):
    while True:
        print("x" * 1000)
