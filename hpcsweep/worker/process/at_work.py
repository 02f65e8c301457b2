"""What a child is training, in memory that it shares with its worker, who can read it however the child died."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hpcsweep.store import Store
from hpcsweep.store.claims import Claim

_ROOM = 1 << 20  # bytes; only those that are written take memory; a claim takes about 80


class ClaimsAtWork:
    """The claims that a child is training at this moment. Made before the fork; the child writes, its worker reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _ROOM)

    @contextmanager
    def during(self, claims: Iterable[Claim]) -> Iterator[None]:
        """Name `claims` as being trained, during the block."""
        self._write([[claim.folder.path.name, claim.generation] for claim in claims])
        try:
            yield
        finally:
            self._write([])

    def left_behind(self, store: Store) -> list[Claim]:
        """Return the claims that a dead child was training, and forget them."""
        self._memory.seek(0)
        text = self._memory.readline()
        self._write([])
        return [Claim(store.folder(trajectory), generation) for trajectory, generation in json.loads(text or b"[]")]

    def _write(self, named: list[list[object]]) -> None:
        self._memory.seek(0)
        self._memory.write(json.dumps(named).encode() + b"\n")
