"""A program at work: started in a process group of its own, read as it prints, and ended with all that it started."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hpcsweep.errors import JobError
from hpcsweep.sweep.command import no_program
from hpcsweep.worker.process.surroundings import children, end_children

TAIL_BYTES = 20_000  # of what was printed, for people who ask why it failed
LONGEST_LINE = 100_000  # bytes that are looked at as one line
_CHUNK = 1 << 16
_LINE_END = re.compile(rb"[\r\n]+")
_MARK = "HPCSWEEP_PROGRAM"
# Waits until this worker is gone (its end of the pipe is closed, however it died), then ends what the program has left.
_GUARD = (
    'read -r _; kill -KILL -- "-$1"; '
    'for file in $(grep -lFzx "$2" /proc/[0-9]*/environ 2>/dev/null); do '
    'file="${file#/proc/}"; kill -KILL "${file%%/*}"; done'
)


# SLURM sends its warning to every process of a step, also to a program that would die of it long before its time.
_DEAF_TO_WARNINGS = ("/bin/sh", "-c", "trap '' USR2; exec \"$@\"", "sh")


class Program:
    """One run of a program; what it prints goes to this process's stdout, and line by line to `on_line`."""

    def __init__(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], on_line: Callable[[str], None] | None
    ) -> None:
        """Start it; JobError if it cannot be started. SIGUSR2 is ignored, unless the program handles it."""
        self._tail = b""
        self._on_line = on_line
        self._others = set(children())
        mark = secrets.token_hex(8)
        try:
            self._process = subprocess.Popen(
                [*_DEAF_TO_WARNINGS, *words],
                cwd=folder,
                env={**os.environ, **environment, _MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise JobError(no_program(words[0], getattr(error, "strerror", None) or str(error))) from error
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", str(self._process.pid), f"{_MARK}={mark}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="output of the program", daemon=True)
        self._reader.start()

    @property
    def tail(self) -> str:
        """The end of what it has printed."""
        return self._tail.decode(errors="replace")

    def wait(self, seconds: float) -> int | None:
        """Wait for its end at most so long; return its exit code, None if it still runs."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def send(self, number: int) -> None:
        """Send a signal to the program and all that it has started in its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def stop(self, number: int, grace_s: float) -> int:
        """Send the stop signal, and SIGKILL after `grace_s`; return the exit code."""
        self.send(number)
        until = time.monotonic() + grace_s
        while (code := self.wait(0.1)) is None:
            if time.monotonic() > until:
                self.send(signal.SIGKILL)
        return code

    def close(self) -> None:
        """End what is left of it, wherever it went, and read the rest of what it printed."""
        self.send(signal.SIGKILL)
        self._process.wait()
        end_children({*self._others, self._guard.pid})
        self._reader.join(timeout=2.0)
        self._guard.kill()
        self._guard.communicate()

    def _read(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        while chunk := os.read(self._process.stdout.fileno(), _CHUNK):
            with suppress(OSError):
                os.write(1, chunk)
            self._tail = (self._tail + chunk)[-TAIL_BYTES:]
            if self._on_line is not None:
                first, *others = _LINE_END.split(chunk)
                for line in [rest + first, *others][:-1]:
                    self._on_line(line.decode(errors="replace"))
                rest = others[-1] if others else (rest + chunk)[-LONGEST_LINE:]
        if self._on_line is not None and rest:
            self._on_line(rest.decode(errors="replace"))
        self._process.stdout.close()
