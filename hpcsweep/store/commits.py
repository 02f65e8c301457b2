"""Commits: the results of runs that take milliseconds, written together as a pack several times per second.

Until then they are held in memory, and their claims stay. The pack comes into being by renaming a file, the ticket of
this worker, which those claims name. Whoever succeeds one of them removes the ticket first: a worker that was thought
dead can then rename it no more, and publishes what it holds one by one, where the first wins. So a result is in a pack
before anybody else may train its run, or it is as any other.
"""

from __future__ import annotations

import math
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from hpcsweep.files import publish
from hpcsweep.store.claims import Claim
from hpcsweep.store.pack_files import Files, write_pack
from hpcsweep.store.packing import merge_if_many
from hpcsweep.store.results import publish_files
from hpcsweep.store.store import FORMAT, Store

EVERY_S = 0.25
MOST_BYTES = 16 << 20  # that are held
AT_ONCE = 20  # claims of a process whose results are written at once: a small sweep is as safe as any


@dataclass(frozen=True)
class Finished:
    """A trajectory of one run that has ended: its claim, what it was made by, its result, and what was printed."""

    claim: Claim
    origin: Files
    result: Files
    log: Path

    def publish(self) -> None:
        """Publish the result as that of a longer run, and let the claim go. The first wins."""
        folder = self.claim.folder
        with suppress(FileNotFoundError):  # others have trained it, and packed it or put it aside
            for name, data in self.origin.items():
                publish(folder.path / name, data)
            publish_files(folder, self.result)
            if not self.claim.superseded():
                self.claim.give_back()

    def packed(self) -> Files:
        """Return all that its folder would hold."""
        loose = {path.name: path.read_bytes() for path in (self.claim.path, self.log) if path.exists()}
        return {**self.origin, **self.result, **loose}

    def remove_loose(self) -> None:
        """Remove what a pack holds now; the claim comes last."""
        for path in (self.log, self.claim.path):
            path.unlink(missing_ok=True)
        with suppress(OSError):  # somebody else has put something into it
            self.claim.folder.path.rmdir()


class Commits:
    """What one process of a worker has finished and not written yet. May be called from several threads."""

    def __init__(self, store: Store, at_once: int = AT_ONCE) -> None:
        self._store, self._at_once = store.probing(), at_once
        self._lock = RLock()
        self._held: list[Finished] = []
        self._bytes = 0
        self._ticket: str | None = None
        self._committed_s = -math.inf  # the first result is written at once: others see that runs can end well

    def ticket(self) -> str | None:
        """Return the ticket that the next claim must name for its result to be held; None if it is not to be.

        It is another one after each commit: what is still being trained then takes too long to be held.
        """
        self._at_once -= 1
        if self._at_once >= 0 or self._store.format < FORMAT:
            return None
        with self._lock:
            if self._ticket is None:
                self._store.layout.packs.mkdir(exist_ok=True)
                letters = secrets.token_hex(16)
                os.close(os.open(self._store.layout.ticket(letters), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
                self._ticket = letters
            return self._ticket

    def hold(self, finished: Finished) -> None:
        """Hold what has ended until the next commit, or publish it now if its claim names an older ticket."""
        with self._lock:
            if finished.claim.ticket != self._ticket:
                finished.publish()
                return
            self._held.append(finished)
            self._bytes += sum(map(len, finished.result.values()))

    def commit_if_due(self, every_s: float = EVERY_S) -> None:
        """Commit what is held, if that is much, or so many seconds have passed."""
        if self._held and (self._bytes > MOST_BYTES or time.monotonic() - self._committed_s >= every_s):
            self.commit()

    def commit(self) -> None:
        """Write what is held, durable. OSError if that fails: all of it is held still."""
        with self._lock:
            if not self._held:
                return
            parts = {one.claim.folder.path.name: one.packed() for one in self._held}
            assert self._ticket is not None
            try:
                write_pack(self._store, parts, self._store.layout.ticket(self._ticket))
                self._let_go(Finished.remove_loose)
            except FileNotFoundError:  # somebody has taken the place of this worker
                self._let_go(Finished.publish)
            self._ticket, self._bytes, self._committed_s = None, 0, time.monotonic()
            with suppress(OSError):  # the small packs then stay
                merge_if_many(self._store)

    def give_up(self) -> int:
        """Forget what is held, since it cannot be written, and return how many: others may train it at once."""
        with self._lock:
            given_up, self._held = self._held, []
            for one in given_up:
                with suppress(OSError):
                    one.claim.give_back()
            return len(given_up)

    def close(self) -> None:
        """Remove the ticket, if nothing is held."""
        with self._lock:
            if self._ticket is not None and not self._held:
                self._store.layout.ticket(self._ticket).unlink(missing_ok=True)
                self._ticket = None

    def _let_go(self, end: Callable[[Finished], None]) -> None:
        while self._held:
            end(self._held[0])
            del self._held[0]
