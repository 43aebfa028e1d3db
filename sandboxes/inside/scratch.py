"""Scratch folders between programs: whatever a program left is removed, and the folders look as they did before.

A program may leave folders nested thousands deep, folders that nobody may enter, and names of any bytes. Nothing here
recurses, follows a link or builds a path: inner folders are moved up and emptied one after another.

Not guaranteed: where the kernel has no namespaces a process that outlives its program may undo the work meanwhile.
`Scratch.clean` then returns False.
"""

import os
import stat
import time
from typing import Dict, FrozenSet, Iterable, List, Optional, Tuple

PATIENCE_S = 10.0
"""How long one folder is emptied before it counts as not clean."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Scratch:
    """The folders that programs write to. What lies in them when this is made is kept."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._kept: Dict[str, Tuple[FrozenSet[str], int]] = {}
        for folder in folders:
            if os.path.isdir(folder):
                self._kept[folder] = frozenset(os.listdir(folder)), stat.S_IMODE(os.stat(folder).st_mode)
                os.utime(folder, (0, 0))

    def clean(self, uid: Optional[int]) -> bool:
        """Remove what a program of `uid` left (None: of this process's user); return whether all of it is gone."""
        return all(self._clean_folder(folder, *kept, uid) for folder, kept in self._kept.items())

    def _clean_folder(self, folder: str, kept: FrozenSet[str], mode: int, uid: Optional[int]) -> bool:
        if uid is not None and _is_untouched(folder, mode):
            return True
        try:
            top = _open_folder(folder, None)
        except OSError:  # removed or replaced, which only a program without namespaces can do
            return False
        try:
            names = set(os.listdir(top))
            if not names <= kept:
                _empty_as(uid, top, kept)
                names = set(os.listdir(top))
            # the mode and the times would tell the next program something
            if stat.S_IMODE(os.fstat(top).st_mode) != mode:
                os.fchmod(top, mode)
            os.utime(top, (0, 0))
        finally:
            os.close(top)
        return names == kept


def empty(top: int, kept: FrozenSet[str]) -> None:
    """Remove everything but `kept` from the folder open at `top`, for at most `PATIENCE_S`."""
    give_up = time.monotonic() + PATIENCE_S
    prefix = os.urandom(8).hex()
    pending = [name for name in os.listdir(top) if name not in kept]
    moved = 0
    while pending and time.monotonic() < give_up:
        name = pending.pop()
        if _unlink(name, top):
            continue
        try:
            folder = _open_folder(name, top)
        except OSError:
            continue
        try:
            for inner in os.listdir(folder):
                if time.monotonic() > give_up:
                    return
                if not _unlink(inner, folder):
                    moved += 1
                    pending += _move_up(inner, folder, "%s-%d" % (prefix, moved), top)
        finally:
            os.close(folder)
        _remove_folder(name, top)


def _is_untouched(folder: str, mode: int) -> bool:
    """Tell whether no program of another user has changed or listed a folder since its times were set to 0.

    The kernel sets them anew, and only the folder's owner could set them back.
    """
    facts = os.stat(folder, follow_symlinks=False)
    return facts.st_mtime_ns == facts.st_atime_ns == 0 and stat.S_IMODE(facts.st_mode) == mode


def _empty_as(uid: Optional[int], top: int, kept: FrozenSet[str]) -> None:
    """Empty a folder as `empty` does, by a process of `uid`: others may lack the right to remove its files."""
    if uid is None:
        empty(top, kept)
        return
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            empty(top, kept)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _open_folder(name: str, parent: Optional[int]) -> int:
    """Open a folder of this user, without following a link, and give the user every right to it."""
    try:
        folder = os.open(name, FOLDER, dir_fd=parent)
    except PermissionError:
        folder = _open_locked(name, parent)
    if os.fstat(folder).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(folder, stat.S_IRWXU)
    return folder


def _open_locked(name: str, parent: Optional[int]) -> int:
    """Open a folder that its user may not read."""
    if not hasattr(os, "O_PATH"):
        os.chmod(name, stat.S_IRWXU, dir_fd=parent, follow_symlinks=False)
        return os.open(name, FOLDER, dir_fd=parent)
    handle = os.open(name, FOLDER | os.O_PATH, dir_fd=parent)
    try:
        # chmod by this name changes just what was opened
        os.chmod("/proc/self/fd/%d" % handle, stat.S_IRWXU)
        return os.open(".", FOLDER, dir_fd=handle)
    finally:
        os.close(handle)


def _unlink(name: str, parent: int) -> bool:
    """Remove what is not a folder; False if it is one or the folder around it is in the way."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _move_up(name: str, parent: int, new_name: str, top: int) -> List[str]:
    """Move a folder to `top` and return its new name there; nothing if that cannot be."""
    try:
        os.close(_open_folder(name, parent))  # a folder that may not be written to may not be moved
        os.rename(name, new_name, src_dir_fd=parent, dst_dir_fd=top)
    except OSError:
        return []
    return [new_name]


def _remove_folder(name: str, parent: int) -> None:
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError:  # the caller looks at what is left
        pass
