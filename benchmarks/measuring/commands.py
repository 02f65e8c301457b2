"""What a command and its children take, measured from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

HPCSWEEP = [sys.executable, "-c", "from hpcsweep.cli import main; main()"]


class Took(NamedTuple):
    """Seconds of a command and its children, and the largest resident memory of any one of them."""

    wall_s: float
    processor_s: float
    peak_mb: float


def timed(command: list[str], folder: Path) -> Took:
    """Run a command in `folder` to its end, with as little said as possible; SystemExit if it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with status {os.waitstatus_to_exitcode(status)}")
    return Took(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
