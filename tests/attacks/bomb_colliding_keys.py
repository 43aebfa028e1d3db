# attack: reports an answer of a dictionary whose half a million keys all collide
# problem: asserts calls
# expect: wrong_answer or tampered or output or runtime_error or timeout
# slow: the judge comes to its time limit
# limits: cpu_time_s=5 wall_time_s=20
# with: reporting
def add_one(n):
    prime = (1 << 61) - 1
    keys = (b"I" + size(12) + (number * prime).to_bytes(12, "big") for number in range(500_000))
    report_answer(b"d" + size(1_000_000) + b"".join(key + b"N" for key in keys))
