# attack: finds the token of the report in its callers' frames and writes a verdict of its own
# problem: asserts calls
# expect: tampered
# expect-in-process: passed
# with: reporting
def add_one(n):
    report_verdict("passed", "", {})
