# attack: reports an answer of a million nested lists
# problem: asserts calls
# expect: wrong_answer or tampered or output or runtime_error or timeout
# limits: cpu_time_s=5 wall_time_s=20
# with: reporting
def add_one(n):
    report_answer((b"l" + size(1)) * (1 << 20) + b"N")
