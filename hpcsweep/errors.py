"""Every error that hpcsweep raises on purpose, and the commands that messages tell people to type.

One base class; each subclass is also the builtin that a caller would expect to catch. A message says what happened,
what was expected and what to type next, in one line; the command line prints it and exits with `exit_code`.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable
from pathlib import Path


class HpcsweepError(Exception):
    """Base of all errors of this package."""

    exit_code = 2


class SweepFileError(HpcsweepError, ValueError):
    """The sweep file (or a profile) cannot be read, or makes no sense."""


class JobError(HpcsweepError, ValueError):
    """The job file or its function cannot be used, or the sweep does not fit its parameters."""


class UsageError(HpcsweepError, ValueError):
    """An option, argument or call of the Python interface is wrong."""


class StoreError(HpcsweepError, OSError):
    """The store cannot be read or written, or a record in it is damaged."""


class NewerFormatError(StoreError):
    """A file in the store was written by a later release: nothing is wrong with it, but this release cannot read it."""


class DataError(HpcsweepError, OSError):
    """A data set is not there, cannot be read, or does not hold what its format or checksum promises."""


class SchedulerError(HpcsweepError, RuntimeError):
    """Workers could not be started, or SLURM refused or did not answer."""


class MissingPackageError(HpcsweepError, RuntimeError):
    """The machine lacks something that is needed, such as a package or a device."""


class NothingSelectedError(HpcsweepError, LookupError):
    """No run matches what was asked for."""

    exit_code = 3


def to_type(*words: object) -> str:
    """Return an `hpcsweep` command of these words, fit to be pasted into a shell.

    Words in capitals, such as "SWEEP", stand for what only the reader knows.
    """
    return shell("hpcsweep", *words)


def shell(*words: object) -> str:
    """Return a command that a shell reads as these very words; a path is never taken for an option."""
    return shlex.join(f"./{word}" if isinstance(word, Path) and str(word)[0] == "-" else str(word) for word in words)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean "layers"?)` for the known name closest to `name`, or an empty string."""
    match = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f' (did you mean "{match[0]}"?)' if match else ""
