"""Namespaces without a container engine: what the `process` sandbox stands on.

`enter` moves this process into its own user, mount, pid, network, IPC and UTS namespaces, builds a
root that holds only the interpreter and the libraries named, read-only, and becomes PID 1 in it
(user_namespaces(7), pid_namespaces(7), pivot_root(2)). No privilege is needed where the kernel lets
users make user namespaces. Every feature is tried, and what came of it is returned.

Not guaranteed: a kernel bug is not stopped by any of this.
"""

import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import sys
from typing import Any, Dict, List, Optional

from . import filters, landlock

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
NAMESPACES = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(os.uname().machine)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
# flags of a mount that a user namespace may not clear when it remounts (mount_namespaces(7), "locked")
LOCKED = {"nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC, "noatime": 1024, "nodiratime": 2048}
LOCKED["relatime"] = 1 << 21
DEVICES = ("null", "zero", "full", "random", "urandom")
OLD = "/old"
FIRST_UID, UIDS = 20000, 10000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


def enter(plan: Dict[str, Any]) -> Dict[str, Any]:
    """Confine this process as `plan` says.

    `plan`: {"read": [paths], "hide": [folders below them; paths of "read" below these are shown], "tmp_bytes": n,
    "inodes": n, "scratch": a folder for programs where there are no namespaces}.
    Returns {"isolated", "uids", "enforced", "not_enforced"}. The process that returns is another than
    the one that called: the caller stays behind to wait for it.
    """
    rlimits = "CPU time, address space, file size, open files and no new privileges per program"
    if not sys.platform.startswith("linux") or SYS_PIVOT_ROOT is None:
        return _make_refusal("namespaces: not Linux on x86-64 or arm64", rlimits)
    uid, gid = os.geteuid(), os.getegid()
    uids = _unshare(uid, gid)
    if uids is None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        # programs have its user: else they could read and write its memory
        _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        return _make_refusal("namespaces: the kernel refuses them to this user (%s)" % _errno(), rlimits)
    _become_pid_1()
    _build_root(plan)
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    enforced = [
        "user, pid, network, IPC, UTS and mount namespaces",
        "read-only root with the interpreter, libraries and commands alone; private /tmp and /dev/shm",
        rlimits,
        "no capabilities",
    ]
    enforced.append("a user id of its own and a process limit per program" if uids else "a process limit")
    missing = ["memory limit over all processes of a program together"]
    return {"isolated": True, "uids": uids, "enforced": enforced, "not_enforced": missing}


def fence(
    found: Dict[str, Any], plan: Optional[Dict[str, Any]], split: bool = False, execute: bool = False
) -> Optional[landlock.Domain]:
    """Filter system calls from here on, and make the domain that each program enters, where the kernel has them.

    `found` is what `enter` returned, or nothing in a container; what came of it is added to its lists. `split`: no
    program here is judged by its own interpreter, so that none needs a network, even one of its own. `execute`:
    programs may run what they built in their scratch folder.
    """
    enforced, missing = found.setdefault("enforced", []), found.setdefault("not_enforced", [])
    readable, writable, listable = ["/"], ["/tmp", "/dev/shm"], []  # type: List[str], List[str], List[str]
    isolated = plan is None or found["isolated"]
    if plan is not None and not isolated:
        readable, listable = landlock.without(plan["read"], plan["hide"])
        readable, writable = [*readable, "/proc", "/dev", "/sys"], [plan["scratch"], "/dev/shm"]
    domain = None
    try:
        devices = ["/dev/" + name for name in DEVICES]
        domain = landlock.Domain(
            readable,
            [*writable, *devices],
            listable,
            tcp=isolated and not split,
            execute=writable[:1] if execute else [],
        )
        enforced += domain.lines
    except OSError as error:
        missing.append("Landlock (%s)" % error.strerror)
    reason = filters.install(split)
    if reason:
        missing.append("system-call filter (%s)" % reason)
    else:
        enforced.append("a system-call filter of %d calls" % (len(filters.DENIED) + len(filters.ABSENT)))
    found["filtered"] = not reason
    return domain


def own_network() -> bool:
    """Move this process into a network of its own that has a loopback device alone; False if the kernel refuses.

    A child calls it before it gives up its privileges. The network ends with its last process.
    """
    if not sys.platform.startswith("linux") or _libc.unshare(CLONE_NEWNET) != 0:
        return False
    # any kind of socket will do to set a device's flags (netdevice(7), struct ifreq)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
        try:
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))
        except OSError:
            return False
    return True


def _make_refusal(reason: str, rlimits: str) -> Dict[str, Any]:
    missing = [reason, "network", "files", "other processes of this user", "memory over all processes together"]
    return {"isolated": False, "uids": False, "enforced": [rlimits], "not_enforced": missing}


def _unshare(uid: int, gid: int) -> Optional[bool]:
    """Enter new namespaces with this user mapped; None when refused, else whether programs get users of their own.

    Only a process outside the new user namespace may map more than its own user, so root leaves a
    helper behind to do it.
    """
    ready_r, ready_w = os.pipe()
    helper = os.fork()
    if helper == 0:
        os._exit(_map_range(os.getppid()) if os.read(ready_r, 1) and uid == 0 else 1)
    refused = _libc.unshare(NAMESPACES) != 0
    error = ctypes.get_errno()
    os.write(ready_w, b"m")
    os.close(ready_w)
    os.close(ready_r)
    _, status = os.waitpid(helper, 0)
    if refused:
        ctypes.set_errno(error)
        return None
    if status == 0:
        return True
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", "%d %d 1\n" % (uid, uid))
    _write("/proc/self/gid_map", "%d %d 1\n" % (gid, gid))
    return False


def _map_range(pid: int) -> int:
    """Map root and a range of users for the programs into the namespace of `pid`; 0 on success."""
    ranges = "0 0 1\n%d %d %d\n" % (FIRST_UID, FIRST_UID, UIDS)
    try:
        _write("/proc/%d/uid_map" % pid, ranges)
        _write("/proc/%d/gid_map" % pid, ranges)
    except OSError:  # root of a container that may not map other users
        return 1
    return 0


def _become_pid_1() -> None:
    """Fork into the new pid namespace; the parent waits, and dies with whoever started it."""
    pid = os.fork()
    if pid == 0:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        return
    os.close(0)
    os.close(1)
    _, status = os.waitpid(pid, 0)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)


def _build_root(plan: Dict[str, Any]) -> None:
    """Build a root on a fresh tmpfs; the old one stays reachable at /old until everything is bound from it."""
    # links among the folders above a path would lead elsewhere in the new root
    sources = {
        path: os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) for path in plan["read"]
    }
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m")
    os.chdir("/tmp")
    os.mkdir("old")
    check(_libc.syscall(SYS_PIVOT_ROOT, b".", b"old"), "pivot_root")
    os.chdir("/")
    os.mkdir("/proc")
    os.mkdir("/etc")
    _write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _scratch("/tmp", plan)
    devices = _make_devices()
    _scratch("/dev/shm", plan)
    shown = dict.fromkeys(devices, MS_NOEXEC)
    for path in sorted([*sources, *plan["hide"]]):  # a folder before what lies in it
        if path not in sources:
            _cover(path)
        elif os.path.lexists(OLD + sources[path]):
            _bind_tree(OLD + sources[path], path)
        shown[os.path.realpath(path)] = MS_NODEV
    _make_read_only(shown)
    check(_libc.umount2(OLD.encode(), MNT_DETACH), "umount2")
    os.rmdir(OLD)
    mount("none", "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _bind_tree(source: str, target: str) -> None:
    """Show `source` at `target` with everything mounted below it."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source):
        if not os.path.lexists(target):
            os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, None, MS_BIND | MS_REC)


def _cover(folder: str) -> None:
    """Put an empty folder over `folder`, if it is in sight."""
    if os.path.isdir(folder):
        mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")


def _make_devices() -> List[str]:
    os.mkdir("/dev")
    paths = ["/dev/" + name for name in DEVICES]
    for path in paths:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))
        mount(OLD + path, path, None, MS_BIND)
    os.symlink("/proc/self/fd", "/dev/fd")
    return paths


def _scratch(path: str, plan: Dict[str, Any]) -> None:
    os.makedirs(path, exist_ok=True)
    options = "mode=1777,size=%d,nr_inodes=%d" % (plan["tmp_bytes"], plan["inodes"])
    noexec = 0 if plan["execute"] and path == "/tmp" else MS_NOEXEC
    mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | noexec, options)


def _make_read_only(shown: Dict[str, int]) -> None:
    """Make the mounts at and below the paths `shown` read-only, with a flag for each of them."""
    for place, locked in _mounts().items():
        above = place
        while above not in shown and above != "/":
            above = os.path.dirname(above)
        if above in shown:
            flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | shown[above] | locked
            mount("none", place, None, flags)


def _mounts() -> Dict[str, int]:
    """Return the locked flags of each mount point, of the topmost mount there."""
    mounts = {}
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            fields = line.split()
            place = re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal.group(1), 8)]), fields[4])
            flags = fields[5].decode("ascii").split(",")
            mounts[os.fsdecode(place)] = sum(flag for name, flag in LOCKED.items() if name in flags)
    return mounts


def mount(source: str, target: str, kind: Optional[str], flags: int, options: Optional[str] = None) -> None:
    """Call mount(2); raise OSError with the target in its message."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        options.encode() if options else None,
    )
    check(result, "mount %s" % target)


def check(result: int, what: str) -> None:
    """Raise OSError for a C call's -1."""
    if result != 0:
        raise OSError(ctypes.get_errno(), "%s: %s" % (what, _errno()))


def _errno() -> str:
    return os.strerror(ctypes.get_errno())


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
