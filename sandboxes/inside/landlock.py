"""A Landlock domain per program: a second lock on files, and the only one where there are no namespaces.

landlock(7), linux/landlock.h. The worker makes the rules once; each program shuts itself in with one call and
cannot come out. A domain also hides other processes from ptrace and, with a newer kernel, from signals, and has
no TCP. What a kernel does not know is left out, and `Domain.lines` says what is in force.
"""

import ctypes
import os
import sys
from typing import List, Tuple

SYS_CREATE_RULESET, SYS_ADD_RULE, SYS_RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
IOCTL_DEV = 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | IOCTL_DEV
"""Those that mean something for what is no folder."""
RIGHTS = ((1, 0x1FFF), (2, 0x3FFF), (3, 0x7FFF), (5, 0xFFFF))
"""From which version on which rights over files can be handled."""
TCP, SCOPES = 3, 3
TCP_SINCE, SCOPES_SINCE = 4, 6
PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


class _Rules(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class Domain:
    """Rules that a program can be shut in by: it may read below `readable`, and change what is below `writable`.

    What lies below `listable` it may list, what lies below `execute` it may also run, and `tcp` allows it to connect
    and to listen.

    Raises:
        OSError: the kernel has no Landlock, or not for this process.
    """

    def __init__(
        self, readable: List[str], writable: List[str], listable: List[str], *, tcp: bool, execute: List[str]
    ) -> None:
        version = _version()
        no_tcp = version >= TCP_SINCE and not tcp
        self.files = [rights for since, rights in RIGHTS if since <= version][-1]
        rules = _Rules(self.files, TCP if no_tcp else 0, SCOPES if version >= SCOPES_SINCE else 0)
        size = 24 if version >= SCOPES_SINCE else 16 if version >= TCP_SINCE else 8
        self.fd = _check(_libc.syscall(SYS_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0))
        self.lines = ["Landlock %d per program: files%s%s" % (version, *_extras(version, no_tcp))]
        for path in readable:
            self._allow(path, READ)
        for path in listable:
            self._allow(path, READ_DIR)
        for path in writable:
            # what a program writes it need not execute, unless it is built there
            self._allow(path, self.files & ~IOCTL_DEV & (-1 if path in execute else ~EXECUTE))

    def enter(self) -> None:
        """Shut this process in, for good."""
        _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _check(_libc.syscall(SYS_RESTRICT_SELF, self.fd, 0))

    def _allow(self, path: str, rights: int) -> None:
        try:
            parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            allowed = rights if os.path.isdir(path) else rights & FILE_RIGHTS
            rule = _Beneath(allowed & self.files, parent)
            _check(_libc.syscall(SYS_ADD_RULE, self.fd, PATH_BENEATH, ctypes.byref(rule), 0))
        finally:
            os.close(parent)


def without(paths: List[str], hidden: List[str]) -> Tuple[List[str], List[str]]:
    """Return what shows all below `paths` but for the folders `hidden`: (paths to read, folders to list)."""
    readable, listable = [], []
    for path in paths:
        if os.path.islink(path):  # followed, it would show what is not named
            continue
        if not any(folder.startswith(path + "/") for folder in hidden):
            readable.append(path)
            continue
        listable.append(path)
        inner = [path + "/" + name for name in os.listdir(path)]
        found = without([one for one in inner if one not in hidden], hidden)
        readable += found[0]
        listable += found[1]
    return readable, listable


def _version() -> int:
    if not sys.platform.startswith("linux"):
        raise OSError("not Linux")
    return _check(_libc.syscall(SYS_CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG))


def _extras(version: int, no_tcp: bool) -> Tuple[str, str]:
    return (
        ", no TCP" if no_tcp else "",
        ", no signals or abstract sockets to other processes" if version >= SCOPES_SINCE else "",
    )


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
