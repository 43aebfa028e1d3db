# attack: blocks every signal and stops every timer, and computes
# problem: asserts calls
# expect: timeout
# limits: cpu_time_s=0.5
import signal

signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
    signal.setitimer(timer, 0)


def add_one(n):
    while True:
        pass
