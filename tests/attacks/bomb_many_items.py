# attack: reports an answer of twenty million items
# problem: asserts calls
# expect: wrong_answer or tampered or output or runtime_error or timeout
# slow: the judge comes to its time limit
# limits: cpu_time_s=5 wall_time_s=20
# with: reporting
def add_one(n):
    report_answer(b"l" + size(20 << 20) + b"N" * (20 << 20))
