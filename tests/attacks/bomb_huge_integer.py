# attack: reports an answer of an integer of sixty megabytes
# problem: asserts calls
# expect: wrong_answer or tampered or output or runtime_error or timeout
# limits: cpu_time_s=5 wall_time_s=20
# with: reporting
def add_one(n):
    report_answer(b"I" + size(60 << 20) + b"\x55" * (60 << 20))
