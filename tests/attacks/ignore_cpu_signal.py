# attack: ignores the signal of the CPU-time limit and every alarm
# expect: timeout
# limits: cpu_time_s=0.3
import signal

for number in (signal.SIGXCPU, signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)


def add_one(n):
    while True:
        pass
