"""Memory of a worker that no fork copies, for everything that passes through the worker.

Programs, answers and reports go from one descriptor to another through a `Region` and never become objects: what a
worker's heap holds, the next program inherits and can read in its own memory. Linux only (madvise(2), MADV_DONTFORK);
elsewhere the region is ordinary memory, which only an unsafe sandbox accepts.
"""

import mmap
import os

MAP_NORESERVE = 0x4000
RELEASED_BYTES = 1 << 20
"""A region that held more than this gives its pages back when it is cleared."""


class Region:
    """`size` bytes of address space, filled from the front; pages are taken as they are written."""

    def __init__(self, size: int) -> None:
        self._map = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
        if hasattr(mmap, "MADV_DONTFORK"):
            self._map.madvise(mmap.MADV_DONTFORK)
        self.view = memoryview(self._map)
        self.size = size
        self.used = 0

    def clear(self) -> None:
        """Forget the contents."""
        if self.used > RELEASED_BYTES and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
        self.used = 0

    def read_some(self, fd: int, most: int = 1 << 16) -> int:
        """Append what one read of `fd` gives, at most `most` bytes; how many there were.

        Raises:
            BlockingIOError: nothing is there, and `fd` does not block.
        """
        count = os.readv(fd, [self.view[self.used : min(self.used + most, self.size)]])
        self.used += count
        return count

    def read_exactly(self, fd: int, count: int) -> bool:
        """Append `count` bytes of a blocking descriptor; False if it ends before."""
        end = self.used + count
        while self.used < end:
            if not self.read_some(fd, min(1 << 20, end - self.used)):
                return False
        return True
