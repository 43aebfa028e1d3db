"""How a program ended: what its worker saw, and what its process said, which counts only in a known form."""

import hashlib
import json
import os
import signal
from typing import Any, Dict, Optional, Tuple

from . import child, hosts, records

Stopped = Tuple[str, str]
"""(status, detail) of a program that its worker stopped."""
JUDGED = ("passed", "wrong_answer", "runtime_error", "syntax_error", "memory", "tampered")
"""What a process that holds tests may say of itself; all else is the worker's word."""
PASSED_ON = ("timeout", "output")
"""What a process that judges may say besides, of a candidate's process that it never was."""
UNSURE = ("unsure",)
DISMISSED = "ended", "nothing more was asked"


class Ending:
    """Facts of a process that was reaped; `token` is what a verdict of it must carry."""

    def __init__(
        self,
        request: Dict[str, Any],
        token: str,
        host: hosts.Host,
        counter: records.Counter,
        *,
        stopped: Optional[Stopped],
        exit_status: int,
    ) -> None:
        self._request, self._token = request, token
        self._report, self._output = host.report, host.output
        self._counter, self._stopped, self._exit_status = counter, stopped, exit_status
        self._reports_values = request["op"] in child.VALUES
        self._streams = request["op"] == child.STREAM
        self.more: Any = {}
        """What a verdict says beside status and detail."""

    def outcome(self, oom_kills: int) -> Stopped:
        """Return (status, detail) from the report, the exit status and the limits, in that order of trust."""
        if not self._counter.started and self._stopped != DISMISSED:
            said = bytes(self._report.view[: min(self._report.used, 500)])
            return "infrastructure", "the child did not start: " + said.decode("utf-8", "replace")
        if oom_kills > 0:
            return "memory", "killed by the kernel: over the memory limit"
        if self._stopped is not None:
            return self._stopped
        if self._counter.end is not None:
            return self._read_last_record()
        if os.WIFSIGNALED(self._exit_status):
            number = os.WTERMSIG(self._exit_status)
            if number == signal.SIGXCPU:
                return "timeout", "over the CPU-time limit"
            return "runtime_error", "killed by signal %d" % number
        code = os.WEXITSTATUS(self._exit_status)
        if self._streams and code == 0:
            return "reported", ""
        return "runtime_error", "exited with code %d before its tests ended" % code

    def done(self) -> bool:
        """Tell whether a candidate's process said that it did all it was asked for."""
        if self._counter.end is None:
            return False
        _, start, end = self._counter.end
        return self._report.view[start:end] == records.DONE_BYTES

    def digest(self) -> str:
        """Return the digest of what the host may compare: the values, or what a script printed."""
        if self._streams:
            return hashlib.sha256(self._output.view[: self._output.used]).hexdigest()
        return self._counter.digest() if self._reports_values else ""

    def blob(self) -> Optional[memoryview]:
        """Return what the host carries elsewhere: the records of values, or a script's output.

        In a dialogue the values were told already; what is left is how the program says that it ended. So it is with a
        script that failed, whose output does not matter.
        """
        report = self._report
        if self._streams and not self._script_failed():
            return self._output.view[: self._output.used]
        if self._streams or self._request.get("dialogue"):
            return None if self._counter.end is None else report.view[self._counter.end[1] : self._counter.end[2]]
        return report.view[1 : min(report.used, self._request["max_report"])] if self._reports_values else None

    def _read_last_record(self) -> Stopped:
        """Return (status, detail) of a process that came to its end; of a script, its exit code decides."""
        assert self._counter.end is not None
        kind, start, end = self._counter.end
        if self._reports_values:
            return ("reported", "") if kind == records.END else self._make_tampering()
        if self._streams:
            return ("ended", "") if self._script_failed() else ("reported", "")
        data = bytes(self._report.view[start:end])
        return self._read_verdict(data) if kind == records.VERDICT else self._make_tampering()

    def _script_failed(self) -> bool:
        """Tell whether a script ended with another exit code than 0."""
        return not os.WIFEXITED(self._exit_status) or os.WEXITSTATUS(self._exit_status) != 0

    def _read_verdict(self, data: bytes) -> Stopped:
        try:
            token, status, detail, more = json.loads(data)
        except (ValueError, TypeError, RecursionError):
            return self._make_tampering()
        known = (
            status in JUDGED
            or (status in PASSED_ON and self._request["op"] in child.JUDGES)
            or (status in UNSURE and self._request.get("may_be_unsure"))
        )
        if token != self._token or type(status) is not str or not known:
            return self._make_tampering()
        if type(detail) is not str or type(more) is not dict:
            return self._make_tampering()
        self.more = more
        return status, detail

    @staticmethod
    def _make_tampering() -> Stopped:
        return "tampered", "the program wrote to the report channel"
