# attack: reports an answer that claims four thousand million items
# problem: asserts calls
# expect: wrong_answer or tampered or output or runtime_error or timeout
# limits: cpu_time_s=5 wall_time_s=20
# with: reporting
def add_one(n):
    report_answer(b"l" + b"\xff" * 4)
