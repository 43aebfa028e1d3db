"""A system-call filter: what no program of a benchmark needs, the kernel refuses to all of them.

Classic BPF for seccomp(2), assembled here (linux/filter.h, linux/seccomp.h; numbers from the kernel's tables for
x86-64 and arm64). It stacks on whatever filter is in force already, such as Docker's default profile. Refused:
System V and POSIX message queues, semaphores and shared memory (they outlive a program), keyrings, io_uring,
looking into other processes, their limits and priorities, namespaces and mounts, extended attributes (they stay on
folders), anonymous memory files (no limit counts them), and everything administrative. Programs of a worker that judges
`split` have Unix sockets alone, the others IP and netlink too.

Not guaranteed: a kernel bug behind a call that is allowed.
"""

import ctypes
import errno
import os
import struct
import sys
from typing import Dict, List, Tuple

# name: (x86-64, arm64); -1 where an architecture does not have the call
DENIED: Dict[str, Tuple[int, int]] = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184),
    "mq_getsetattr": (245, 185),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "personality": (135, 92),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "vhangup": (153, 58),
    "syslog": (103, 116),
    "lookup_dcookie": (212, 18),
    "iopl": (172, -1),
    "ioperm": (173, -1),
    "modify_ldt": (154, -1),
    "uselib": (134, -1),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
ABSENT: Dict[str, Tuple[int, int]] = {"clone3": (435, 435), "memfd_create": (319, 279), "memfd_secret": (447, 447)}
"""Refused as if the kernel were too old: callers know another way, and clone3 hides its flags from a filter."""
OWN_ONLY: Dict[str, Tuple[Tuple[int, int], int]] = {
    "prlimit64": ((302, 261), 0),
    "sched_setaffinity": ((203, 122), 0),
    "sched_setscheduler": ((144, 119), 0),
    "sched_setparam": ((142, 118), 0),
    "sched_setattr": ((314, 274), 0),
    "setpriority": ((141, 140), 1),
    "ioprio_set": ((251, 30), 1),
}
"""Calls that change a process, and which argument names it: 0 is the caller, and nothing else is allowed."""
REFUSED: Dict[str, Tuple[Tuple[int, int], int, Tuple[int, ...]]] = {
    "setpriority": ((141, 140), 0, (2,)),
    "ioprio_set": ((251, 30), 0, (3,)),
    "ioctl": ((16, 29), 1, (0x40086602, 0x40046602, 0x401C5820)),
}
"""Calls by an argument and its refused values: PRIO_USER and IOPRIO_WHO_USER, FS_IOC_SETFLAGS and FS_IOC_FSSETXATTR."""
CLONE, SOCKET, SOCKETPAIR, UNSHARE = (56, 220), (41, 198), (53, 199), (272, 97)
NAMESPACE_FLAGS = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
CLONE_NEWNET = 0x40000000
"""All that a process may unshare where programs get a network of their own; it takes a privilege that they lack."""
SPLIT_FAMILIES = (1,)
"""AF_UNIX. Counters and flow labels of the others would carry data from one program to the next."""
FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: those that a network namespace confines."""
AF_INET, AF_VSOCK = 2, 40
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of the tables above, and what the kernel calls the architecture."""
X32_BIT = 0x40000000
PROBES = (
    *("shmctl", "semctl", "msgctl", "mq_unlink", "keyctl", "request_key", "io_uring_setup", "ptrace"),
    *("process_vm_readv", "pidfd_getfd", "userfaultfd", "perf_event_open", "bpf", "setns", "mount"),
    *("pivot_root", "open_by_handle_at", "init_module", "kexec_load", "clone3", "memfd_create", "setxattr"),
    *("lsetxattr", "fsetxattr", "removexattr", *OWN_ONLY),
)
"""Calls that fail for their senseless arguments where no filter stops them."""
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
LOAD, JUMP, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_ANY_BIT, RETURN = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
_INSTRUCTION = struct.Struct("=HBBI")

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install(split: bool = False) -> str:
    """Filter the calls of this process and all it starts from now on; "" or why that cannot be.

    `split`: its programs are judged elsewhere, and need no sockets but Unix ones.
    """
    if not sys.platform.startswith("linux") or os.uname().machine not in ARCHITECTURES:
        return "no table of system calls for %s on %s" % (sys.platform, os.uname().machine)
    code = assemble(os.uname().machine, split)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // _INSTRUCTION.size, ctypes.addressof(buffer))
    _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        return "the kernel takes no filter (%s)" % os.strerror(ctypes.get_errno())
    missed = find_unfiltered(split)
    return "not refused: %s" % ", ".join(missed) if missed else ""


def find_unfiltered(split: bool) -> List[str]:
    """Return which calls of `PROBES`, values of `REFUSED` and families of sockets are open to this process."""
    column, _ = ARCHITECTURES[os.uname().machine]
    numbers = {**DENIED, **ABSENT, **{name: numbers for name, (numbers, _) in OWN_ONLY.items()}}
    missed = []
    for name in PROBES:
        wanted = errno.ENOSYS if name in ABSENT else errno.EPERM
        if _errno_of(numbers[name][column], *([ctypes.c_long(-1)] * 5)) != wanted:
            missed.append(name)
    if _errno_of(UNSHARE[column], ctypes.c_long(-1)) != errno.EPERM:
        missed.append("unshare")
    for value in REFUSED["ioctl"][2]:
        if _errno_of(REFUSED["ioctl"][0][column], ctypes.c_long(-1), ctypes.c_long(value)) != errno.EPERM:
            missed.append("ioctl")
    if any(_makes_socket(family, column) for family in ((AF_VSOCK, AF_INET) if split else (AF_VSOCK,))):
        missed.append("socket")
    return missed


def _makes_socket(family: int, column: int) -> bool:
    """Tell whether the kernel makes a socket of `family`, or refuses it for another reason than a filter's."""
    made = _libc.syscall(SOCKET[column], family, 1, 0)
    if made >= 0:
        os.close(made)
    return made >= 0 or ctypes.get_errno() != errno.EPERM


def assemble(machine: str, split: bool) -> bytes:
    """Return the filter's instructions."""
    column, architecture = ARCHITECTURES[machine]
    denied = [numbers[column] for numbers in DENIED.values() if numbers[column] >= 0]
    absent = [numbers[column] for numbers in ABSENT.values()]
    families = SPLIT_FAMILIES if split else FAMILIES
    program = [
        *_unless_equal(ARCHITECTURE_AT, architecture, errno.ENOSYS),
        _instruction(LOAD, NUMBER_AT),
        *((_instruction(JUMP_GREATER_EQUAL, X32_BIT, 0, 1), _refuse(errno.ENOSYS)) if column == 0 else ()),
        *_if_any_equal(denied, errno.EPERM),
        *_if_any_equal(absent, errno.ENOSYS),
        *_for_call(CLONE[column], 0, [_instruction(JUMP_ANY_BIT, NAMESPACE_FLAGS, 0, 1), _refuse(errno.EPERM)]),
        *_for_call(UNSHARE[column], 0, _unless_any_equal(() if split else (CLONE_NEWNET,))),
        *_for_call(SOCKET[column], 0, _unless_any_equal(families)),
        *_for_call(SOCKETPAIR[column], 0, _unless_any_equal(families)),
    ]
    for numbers, argument in OWN_ONLY.values():
        program += _for_call(numbers[column], argument, _unless_any_equal((0,)))
    for numbers, argument, values in REFUSED.values():
        program += _for_call(numbers[column], argument, _if_any_equal(list(values), errno.EPERM))
    return b"".join([*program, _instruction(RETURN, ALLOW)])


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return _INSTRUCTION.pack(code, if_true, if_false, value)


def _refuse(number: int) -> bytes:
    return _instruction(RETURN, ERRNO | number)


def _unless_equal(offset: int, value: int, number: int) -> List[bytes]:
    return [_instruction(LOAD, offset), _instruction(JUMP_EQUAL, value, 1, 0), _refuse(number)]


def _if_any_equal(values: List[int], number: int) -> List[bytes]:
    """Refuse where the accumulator holds one of `values`: each jumps to the refusal at the end, the last over it."""
    tests = [_instruction(JUMP_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    return [*tests, _instruction(JUMP, 1), _refuse(number)]


def _for_call(number: int, argument: int, body: List[bytes]) -> List[bytes]:
    """Return `body` for one call's argument; the accumulator holds the call's number before and after.

    The kernel reads no more than the lower half of the arguments that are looked at here, or refuses others.
    """
    inner = [_instruction(LOAD, ARGUMENTS_AT + 8 * argument), *body, _instruction(LOAD, NUMBER_AT)]
    return [_instruction(JUMP_EQUAL, number, 0, len(inner)), *inner]


def _unless_any_equal(values: Tuple[int, ...]) -> List[bytes]:
    """Refuse where the accumulator holds none of `values`."""
    tests = [_instruction(JUMP_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    return [*tests, _refuse(errno.EPERM)]


def _errno_of(number: int, *arguments: object) -> int:
    """Return the error number of a system call; 0 if it succeeds."""
    return ctypes.get_errno() if _libc.syscall(number, *arguments) < 0 else 0
