"""The bar on a terminal: what it says of the sweep, and of the run that was heard of last."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.conftest import REPOSITORY

LOOK = """
import time
from collections import Counter
from hpcsweep.cli.progress import ProgressDisplay
from hpcsweep.launch.progress import Progress
with ProgressDisplay(quiet=False) as display:
    for trained in (100.0, 640.0):
        counts = Counter({"done": 17, "failed": 3, "running": 2, "new": 978})
        display.show(Progress(counts, trained, 1000.0, "epoch 640/1000, 2:03:04 so far, about 1:09:13 left  loss=0.25"))
        time.sleep(1.2)
"""


@pytest.mark.parametrize("columns", [80, 200])
def test_nothing_is_cut_from_the_bar_of_a_usual_terminal(columns: int) -> None:
    """In 80 columns and in 200, the counts, both times that are left and the metrics are there as a whole."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    showing = subprocess.Popen(
        [sys.executable, "-c", LOOK], stderr=theirs, cwd=REPOSITORY, env={**environment, "TERM": "xterm"}
    )
    os.close(theirs)
    screen = b""
    while True:
        try:
            screen += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert showing.wait() == 0
    lines = [line.strip() for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode()))]
    bars = [line for line in lines if "runs done" in line]
    assert re.search(r"^\S+ 17/1000 runs done, 3 failed 0:00:0\d about 0:00:0\d left$", bars[-1])
    assert "time left: not known yet" in bars[0]
    assert "newest run: epoch 640/1000, 2:03:04 so far, about 1:09:13 left  loss=0.25" in lines
    assert all(len(line) <= columns for line in lines)
