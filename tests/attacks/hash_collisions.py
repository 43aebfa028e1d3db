# attack: a dictionary of keys that all have one hash
# problem: asserts
# expect: timeout
# limits: cpu_time_s=0.3
class Key:
    def __init__(self, number):
        self.number = number

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return self.number == other.number


def add_one(n):
    return len({Key(number): 1 for number in range(1 << 20)})
