# attack: reports a verdict whose detail is no text
# problem: asserts calls
# expect: tampered
# with: reporting
def add_one(n):
    report_verdict("wrong_answer", {"a": [1]}, [])
