"""What an error of a job's means to people: its memory, its disk, or its code."""

from __future__ import annotations

import errno
import re

DEVICE_ERRORS = ("ResourceExhaustedError", "OutOfMemoryError", "XlaRuntimeError", "JaxRuntimeError")
_EXHAUSTED = re.compile(r"RESOURCE_?EXHAUSTED|out of memory|\bOOM\b", re.IGNORECASE)
_HOST = re.compile(r"device:CPU|by allocator cpu|CPU allocator", re.IGNORECASE)


def cause_of_error(error: Exception) -> str:
    """Return the name of the cause that `status` groups by: GPU memory, out of memory (the host's), disk full, raised.

    The errors of TensorFlow, JAX and PyTorch are known by name, since none of them need be installed.
    """
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk full"
    if type(error).__name__ in DEVICE_ERRORS and _EXHAUSTED.search(f"{type(error).__name__} {error}"):
        return "out of memory" if _HOST.search(str(error)) else "GPU memory"
    return "raised"
