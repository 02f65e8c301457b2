"""What an error of a job means to people: a lack of memory, a full disk, or a fault of its code."""

from __future__ import annotations

import re
import signal
import traceback

from hpcsweep.errors import JobError
from hpcsweep.store.causes import Cause

DEVICE_ERRORS = ("ResourceExhaustedError", "OutOfMemoryError", "XlaRuntimeError", "JaxRuntimeError")
_EXHAUSTED = re.compile(r"RESOURCE_?EXHAUSTED|out of memory|\bOOM\b", re.IGNORECASE)
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LONGEST_MESSAGE = 1000  # letters
LONGEST_TRACEBACK = 20_000
_HOST = re.compile(r"device:CPU|by allocator cpu|CPU allocator", re.IGNORECASE)


class ProgramFailedError(JobError):
    """A command has failed: by its exit code, or by a signal. `output` is the end of what it has printed."""

    def __init__(self, code: int, output: str, hint: str = "") -> None:
        """Say it in one line that ends with `hint`; `code` is negative for a signal, as in `subprocess`."""
        self.code, self.output = code, output
        lines = [line for line in output.splitlines() if line.strip()]
        said = f"its last line: {lines[-1].strip()[:300]}" if lines else "it printed nothing"
        super().__init__(f"the command ended with {_how(code)}; {said}{hint}")

    @property
    def cause(self) -> Cause:
        """The cause, as far as the end of the program tells it."""
        if self.code < 0:
            return Cause.KILLED if -self.code in _FROM_OUTSIDE else Cause.CRASHED
        last = self.output.strip().rpartition("\n")[2]
        if _EXHAUSTED.search(last):
            return Cause.GPU_MEMORY if "CUDA" in last else Cause.OUT_OF_MEMORY
        return Cause.OUT_OF_MEMORY if last.startswith("MemoryError") else Cause.EXITED


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal
        return f"signal {-code}"


def cause_of_error(error: BaseException) -> Cause:
    """Return the cause that `status` groups by: GPU memory, out of memory (the host's), raised.

    The errors of TensorFlow, JAX and PyTorch are recognised by name, since none of these need be installed.
    """
    if isinstance(error, ProgramFailedError):
        return error.cause
    if isinstance(error, MemoryError):
        return Cause.OUT_OF_MEMORY
    if type(error).__name__ in DEVICE_ERRORS and _EXHAUSTED.search(f"{type(error).__name__} {error}"):
        return Cause.OUT_OF_MEMORY if _HOST.search(str(error)) else Cause.GPU_MEMORY
    return Cause.RAISED


def message_of(error: BaseException) -> str:
    """Return the error's type and the first line of its text, cut, in characters that every encoding can write."""
    try:
        text = str(error)
    except BaseException as fault:  # the error's own __str__ may do anything
        text = f"(its text cannot be read: {type(fault).__name__})"
    lines = f"{type(error).__name__}: {text[:LONGEST_MESSAGE]}".strip().splitlines()
    return _writable(lines[0])


def told_of(error: BaseException) -> str:
    """Return what people are shown of an error that is being handled: the program's output, or the traceback."""
    return _writable(error.output) if isinstance(error, ProgramFailedError) else short_traceback()


def short_traceback() -> str:
    """Return the traceback of the error being handled; the middle of a very long one is left out."""
    try:
        text = _writable(traceback.format_exc())
    except BaseException as fault:
        return f"(the traceback cannot be written: {type(fault).__name__})"
    if len(text) <= LONGEST_TRACEBACK:
        return text
    half = LONGEST_TRACEBACK // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters are left out here]\n{text[-half:]}"


def _writable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
