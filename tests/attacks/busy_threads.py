# attack: eight threads that never end
# expect: timeout
# limits: cpu_time_s=0.3
import threading


def spin():
    while True:
        pass


def add_one(n):
    threads = [threading.Thread(target=spin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
