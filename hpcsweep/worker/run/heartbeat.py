"""What keeps this worker's claim alive and tells people how far its run is."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Protocol

from hpcsweep.files import write_atomic
from hpcsweep.store.claims import Claim
from hpcsweep.store.reader import record_bytes
from hpcsweep.worker.process.ticker import now_and_then

FIRST_S = 1.0  # until the first beat, which doubles from beat to beat: whoever dies early has left a record, too


class Reporter(Protocol):
    """Something that knows the latest epoch and metrics of the run that is training."""

    def progress(self) -> dict[str, Any]:
        """Return what `progress.json` is to hold."""


class Heartbeat:
    """While entered, renews the claim's mtime every `interval_s`, at first more often, until it sees a successor.

    `lost` is set when the claim has a successor, or could not be renewed for as long as the lease: from then on
    somebody else may be training, and nothing that this worker writes may count. `cancelled` is set when somebody has
    asked for this trajectory to be left alone.
    """

    def __init__(self, claim: Claim, interval_s: float, lease_s: float) -> None:
        self._claim = claim
        self._interval_s = interval_s
        self._lease_s = lease_s
        self._pause_s = FIRST_S
        self._renewed = time.monotonic()
        self._beats = now_and_then(self._beat, min(FIRST_S, interval_s), patience_s=lease_s)
        self._reported: dict[str, Any] = {}
        self._seen_gb = claim.folder.seen_gb()  # by those who died there before: their deaths are told later
        self.lost = False
        self.cancelled = False
        self.reporter: Reporter | None = None

    def __enter__(self) -> Heartbeat:
        self._renewed = time.monotonic()
        self._beats.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beats.__exit__(kind, error, trace)

    def check(self) -> bool:
        """Check now whether the claim still holds; False if it is lost."""
        self.lost = self.lost or self._claim.superseded()
        return not self.lost

    def _beat(self) -> float | None:
        """Give a sign; return after how many seconds to give another, None if the claim is lost."""
        try:
            if not self.check():
                return None
            self._claim.beat()
            self._renewed = time.monotonic()
            self.cancelled = self._claim.folder.cancelled.exists()
            self._report()
        except OSError:
            if time.monotonic() - self._renewed > self._lease_s:
                self.lost = True
                return None
        self._pause_s *= 2
        return min(self._pause_s, self._interval_s)

    def _report(self) -> None:
        progress = self.reporter.progress() if self.reporter else {}
        if progress and self._seen_gb:
            progress["memory_gb"] = max(progress.get("memory_gb", 0.0), self._seen_gb)
        if progress and progress != self._reported:
            write_atomic(self._claim.folder.progress, record_bytes(progress))
            self._reported = progress
