# attack: fills its scratch folder with bytes and files and leaves them
# expect: runtime_error
def add_one(n):
    for number in range(100000):
        with open(f"file{number}", "wb") as file:
            file.write(b"x" * 100000)
    return n + 1
