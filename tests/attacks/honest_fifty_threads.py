# attack: honest, with fifty threads at a time
# problem: asserts calls
# expect: passed
import threading


def add_one(n):
    ready, results = threading.Barrier(50), []

    def work():
        ready.wait()
        results.append(n + 1)

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results[49]
