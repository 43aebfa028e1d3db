# attack: sets every limit of its own to infinity, and loops
# problem: asserts calls
# expect: timeout
# limits: cpu_time_s=0.3
import resource

for name in dir(resource):
    if name.startswith("RLIMIT_"):
        number = getattr(resource, name)
        for new in ((resource.RLIM_INFINITY,) * 2, (resource.getrlimit(number)[1],) * 2):
            try:
                resource.setrlimit(number, new)
            except (OSError, ValueError):
                pass


def add_one(n):
    while True:
        pass
