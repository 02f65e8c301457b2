"""Keeping what a job and its native libraries print in the log of the attempt, within bounds."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hpcsweep.machine import zip_equal
from hpcsweep.worker.process.ticker import now_and_then

KEPT_BYTES = 5_000_000  # of the beginning of a log, and again of its end
LOOK_EVERY_S = 0.25


def say(text: str) -> None:
    """Print a line of the worker itself, whatever a job has done to stdout and whatever characters the line has."""
    with suppress(OSError):
        os.write(1, f"{text}\n".encode(errors="backslashreplace"))


def warn(text: str) -> None:
    """Print a line of the worker itself to stderr, where whoever started it looks for its last words."""
    with suppress(OSError):
        os.write(2, f"{text}\n".encode(errors="backslashreplace"))


@contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Send this process's stdout and stderr to the end of `path` during the block.

    If the log grows beyond twice KEPT_BYTES, its middle is left out, and the log says so.
    """
    _flush()
    _encode_anything()
    saved = os.dup(1), os.dup(2)
    # no link that somebody planted, and no pipe that nobody reads
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        with _kept_short(path):
            yield
    finally:
        _flush()
        for descriptor, target in zip_equal(saved, (1, 2)):
            _put_back(descriptor, target)
        with suppress(OSError):  # closed by the job
            os.close(log)


def shorten(path: Path) -> None:
    """Leave out the middle of a log that is longer than its bounds.

    Whoever appends to the log meanwhile continues at its new end; what is written just then may be left out too.
    """
    with open(path, "r+b") as log:
        size = log.seek(0, os.SEEK_END)
        if size <= 2 * KEPT_BYTES:
            return
        log.seek(size - KEPT_BYTES // 2)
        end = log.read()
        while more := log.read():  # written meanwhile: as little time as can be lies between the last look and the cut
            end = (end + more)[-KEPT_BYTES // 2 :]
        left_out = log.tell() - KEPT_BYTES - len(end)
        log.truncate(KEPT_BYTES)
    with open(path, "ab") as log:
        log.write(f"\nhpcsweep: {left_out} bytes of output are left out here\n".encode() + end)


@contextmanager
def _kept_short(path: Path) -> Iterator[None]:
    def look() -> float:
        with suppress(OSError):
            shorten(path)
        return LOOK_EVERY_S

    try:
        with now_and_then(look, LOOK_EVERY_S):
            yield
    finally:
        _flush()
        look()


def _put_back(saved: int, target: int) -> None:
    """Put `target` back to what it was, or to nowhere if the job has closed what was saved."""
    try:
        os.dup2(saved, target)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, target)
        os.close(nowhere)
    with suppress(OSError):
        os.close(saved)


def _encode_anything() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError, OSError):  # it is closed
            if isinstance(stream, io.TextIOWrapper):  # and not something that the job put in its place
                stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.flush()
