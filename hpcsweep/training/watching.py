"""Watching every `keras.Model.fit` of a job: with which weights a run began and ended, whatever function it uses.

A model that is kept from one run to the next shows itself by this alone: the later run begins where the earlier ended.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import keras

from hpcsweep.training.state.variables import weights_sha256

MOST_OF_FIT = 0.01  # of a call's time, that a digest after it may take; the last call's is taken in any case

INITIAL, FINAL, CALLS = "initial_weights_sha256", "final_weights_sha256", "watched_fits"


class _Run(Protocol):
    @property
    def facts(self) -> dict[str, Any]: ...

    def record(self, **facts: Any) -> None: ...


class _Watch:
    """The calls of one run. Those of our own `fit`, which records its weights itself, are not counted."""

    def __init__(self, run: _Run) -> None:
        self._run, self._inside = run, False
        self._unseen: Any = None
        self._digest_s = 0.0

    def call(self, fit: Any, model: Any, *arguments: Any, **options: Any) -> Any:
        """Call `fit`, noting the weights before the first call and after each."""
        facts = self._run.facts
        if self._inside or (INITIAL in facts and CALLS not in facts):
            return fit(model, *arguments, **options)
        if CALLS not in facts and model.built and model.weights:
            self._run.record(**{INITIAL: weights_sha256(model)})
        self._run.record(**{CALLS: facts.get(CALLS, 0) + 1})
        began, self._inside = time.perf_counter(), True
        try:
            return fit(model, *arguments, **options)
        finally:
            self._inside, self._unseen = False, model
            if self._digest_s <= MOST_OF_FIT * (time.perf_counter() - began):
                self.look()

    def look(self) -> None:
        """Note the weights of the model that was trained last, if that is not done."""
        if self._unseen is not None:
            began = time.perf_counter()
            self._run.record(**{FINAL: weights_sha256(self._unseen)})
            self._digest_s, self._unseen = time.perf_counter() - began, None


_watch: ContextVar[_Watch | None] = ContextVar("hpcsweep_watch", default=None)


@contextmanager
def watching(run: _Run) -> Iterator[None]:
    """Record the weights with which this run begins and ends, of each call of `keras.Model.fit` in this thread."""
    _install()
    watch = _Watch(run)
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)
        watch.look()


def _install() -> None:
    """Put ourselves in front of `keras.Model.fit`, once in a process."""
    fit = keras.Model.fit
    if getattr(fit, "is_watched", False):
        return

    @functools.wraps(fit)
    def watched(model: Any, *arguments: Any, **options: Any) -> Any:
        watch = _watch.get()
        return fit(model, *arguments, **options) if watch is None else watch.call(fit, model, *arguments, **options)

    watched.is_watched = True  # type: ignore[attr-defined]
    keras.Model.fit = watched
