"""The channel between a worker and its host while a program runs."""

from typing import List, Optional

from . import frames, regions


class Host:
    """Channel between a running program and the host: buffers, and the talk of a dialogue."""

    def __init__(
        self, out: int, nonce: str, handed: regions.Region, report: regions.Region, printed: List[regions.Region]
    ) -> None:
        self._out, self._nonce = out, nonce
        self.handed, self.report = handed, report
        self.output, self.errors = printed
        self.request_id = 0

    def tell(self, data: memoryview) -> None:
        """Pass a value on, in the middle of a request."""
        frames.write(self._out, {"id": self.request_id, "nonce": self._nonce, "value": True}, data)

    def next(self) -> Optional[memoryview]:
        """Return the chunk that the host hands over, empty for the end; None if the host is gone."""
        start = self.handed.used
        header = frames.read(0, self.handed)
        return None if header is None else self.handed.view[start : self.handed.used]
