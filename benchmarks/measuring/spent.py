"""Where processor seconds go: functions are wrapped, and each call adds to its part."""

from __future__ import annotations

import functools
import time
from collections import Counter, defaultdict
from typing import Any


class Spent:
    """Processor seconds and calls by part, for each run and the start before them; an inner step's are its alone."""

    def __init__(self) -> None:
        self.runs: list[dict[str, float]] = []
        self.calls: Counter[str] = Counter()
        self._inner: list[float] = []

    def begin(self) -> None:
        """Count what follows as the next run's."""
        self.runs.append(defaultdict(float))

    def wrap(self, owner: Any, name: str, part: str) -> None:
        """Have each call of `owner.name` add its processor seconds to `part`."""
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            self._inner.append(0.0)
            try:
                return inner(*args, **kwargs)
            finally:
                took = time.process_time() - began
                self.runs[-1][part] += took - self._inner.pop()
                self.calls[part] += 1
                if self._inner:
                    self._inner[-1] += took

        setattr(owner, name, timed)
