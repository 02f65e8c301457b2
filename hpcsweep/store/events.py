"""What happened to array tasks: a file of JSON lines each, to which the worker and its batch script add."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.machine import StrEnum
from hpcsweep.store.reader import parse_record, read_bytes, record_bytes, require_format

FORMAT = 1


class Event(StrEnum):
    """What can happen to an array task, as its events say."""

    START = "start"  # a worker has begun, on a node
    PROGRESS = "progress"  # this attempt has brought a trajectory nearer to its end
    STOP = "stop"  # the worker says why it stops, and how it is to continue
    EXIT = "exit"  # the batch script saw it end
    CONTINUED = "continued"  # a successor is in the queue; or the sweep has as many workers as it wants without one
    GAVE_UP = "gave up"  # it died, as others before it whose place it took, and nobody takes its own
    LEFT = "left"  # it should have continued, and could not
    ENDED = "ended"  # SLURM had ended it, or put it back into the queue: it may not continue by itself


class StopReason(StrEnum):
    """Why a worker stopped, as it says itself: `why` of the event `stop`."""

    NOTHING_LEFT = "nothing left"
    TIME = "time"  # its allocation ends
    TOO_SHORT = "too short"  # nothing that is left can reach a checkpoint in its time
    PREEMPTED = "preempted"  # SLURM wants the node for another job
    FAULT = "fault"  # its machine met one fault after the other, such as a full disk
    SUPERSEDED = "superseded"  # SLURM has started the same task elsewhere
    NOT_WANTED = "not wanted"  # the sweep wants fewer workers


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return the events in a file; lines that are incomplete, or of a later release, are skipped."""
    try:
        lines = read_bytes(path).splitlines()
    except OSError:
        return []
    events = []
    for line in lines:
        with suppress(StoreError):
            event = parse_record(line, path)
            require_format(event, FORMAT, path)
            events += [event] if "event" in event else []
    return events


def note_progress() -> None:
    """Write down that this attempt of the process's array task has brought a trajectory nearer to its end; once."""
    if path := os.environ.get("HPCSWEEP_EVENTS"):
        _note_progress(Path(path), int(os.environ.get("SLURM_RESTART_COUNT") or 0))


@lru_cache(maxsize=1)
def _note_progress(path: Path, restart: int) -> None:
    if not any(one["event"] == Event.PROGRESS and one.get("restart") == restart for one in read_events(path)):
        add_event(path, Event.PROGRESS, {"restart": restart})


def add_event(path: Path, event: Event, facts: Mapping[str, Any]) -> None:
    """Add a line to the events of a task."""
    line = record_bytes({"event": event, "time": int(time.time()), **facts})
    how = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, how, 0o666)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
