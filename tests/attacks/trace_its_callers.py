# attack: sets a trace function on the frame that called it and jumps over the tests
# expect: wrong_answer or runtime_error
# expect-in-process: passed or wrong_answer
import sys


def jump(frame, event, argument):
    if event == "line" and not done:
        done.append(frame)
        last = max(line for _, _, line in frame.f_code.co_lines() if line)
        frame.f_lineno = last
    return jump


done = []


def add_one(n):
    sys.settrace(lambda *a: None)
    sys._getframe(1).f_trace = jump
    return 2
