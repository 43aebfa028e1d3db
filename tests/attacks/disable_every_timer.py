# attack: ignores every signal that can be ignored, stops every timer, and loops
# problem: asserts calls
# expect: timeout
# limits: cpu_time_s=0.3
# slow: on calls, which have a budget of their own
import signal

for number in signal.valid_signals():
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass


def add_one(n):
    while True:
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
