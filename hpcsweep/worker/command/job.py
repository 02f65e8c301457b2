"""The job of a sweep that has a command: the program is its training, and its files are its checkpoints."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from hpcsweep.data.used import Entry, entry_of_files
from hpcsweep.errors import JobError
from hpcsweep.sweep.command import Command
from hpcsweep.sweep.containers import in_container
from hpcsweep.sweep.runs import epochs_of
from hpcsweep.sweep.value_types import Value
from hpcsweep.worker.command.epochs import Epochs
from hpcsweep.worker.command.metrics import CsvFile, EventFiles, JsonLines, Patterns, Source, drop_half_line
from hpcsweep.worker.command.program import Program
from hpcsweep.worker.error_causes import ProgramFailedError
from hpcsweep.worker.run.handle import RunHandle

PAUSED_CODE = 75  # EX_TEMPFAIL of sysexits.h: try again later
LOOK_EVERY_S = 0.2
GRACE_S = 60.0  # after the stop signal, where the wall time leaves so much
ARRIVES_S = 0.5  # until the worker has the signal that its program has died of
_SENT_TO_ALL = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
SPARE_S = 2.0  # of the wall time, for what the worker writes
_MISSING = re.compile(r"""No such file or directory: ['"](.+?)['"]|(\S+): No such file or directory""")
METRICS, CHECKPOINT, JOURNAL = "metrics.jsonl", "checkpoint", ".hpcsweep-epochs.jsonl"


class CommandJob:
    """A job function that runs `command`; `options` is the section [command_options], `files` the command's code.

    Each run has the code in a folder of its own, so that nothing that a program writes beside its script reaches
    another run.
    """

    def __init__(self, command: Command, options: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        self._command, self._options, self._files = command, options, files

    def __call__(self, run: RunHandle, /, **_: Value) -> None:
        """Run the program to its end, or until it is time to stop; its parameters are those of the run."""
        params = run.params
        with tempfile.TemporaryDirectory(prefix="hpcsweep-code-") as code:
            for name, content in self._files.items():
                path = Path(code, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                path.chmod(0o755)  # a snapshot does not keep which of its files are programs
            attempt = _Attempt(run, self._options, params)
            attempt.train(self._command, self._places(run.study, Path(code)), params, Path(code))

    def _places(self, study: Path, code: Path) -> dict[str, Path]:
        """Return where each file lies that the command names: its code in `code`, data in the study."""
        return {name: code / name if name in self._files else study / name for name in self._command.files(study)} | {
            name: code / name for name in self._files
        }


class _Attempt:
    """One attempt at a run. One that goes on begins with the files of the attempt before, metrics among them."""

    def __init__(self, run: RunHandle, options: Mapping[str, Any], params: Mapping[str, Value]) -> None:
        self._run, self._options = run, options
        self._checkpoint, self._metrics = run.folder / CHECKPOINT, run.folder / METRICS
        self._journal = run.folder / JOURNAL
        run.restore()
        self._checkpoint.mkdir(exist_ok=True)
        drop_half_line(self._metrics)
        self._epochs = Epochs(self._journal, options.get("first_epoch"))
        self._last = epochs_of(params) if options.get("shares_epochs") else None
        if self._last is not None and self._epochs.last > self._last:
            self._begin_anew()
        self._patterns = Patterns(options.get("patterns", ()))
        if self._patterns.counts and options.get("patterns") and self._epochs.last >= 0:
            raise JobError(
                "this run goes on after a stop, and no pattern names the epoch, expected one with (?P<epoch>...)"
            )
        self._sources = self._make_sources()
        self._is_kept = False

    def _begin_anew(self) -> None:
        """Forget a longer run of the trajectory: its files are beyond the end of this one."""
        for path in self._run.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self._checkpoint.mkdir(exist_ok=True)
        self._epochs = Epochs(self._journal, self._options.get("first_epoch"))

    def _given(self) -> dict[str, Value]:
        """What the run gives to the command besides its parameters."""
        places = {"folder": self._run.folder, "study": self._run.study, "checkpoint": self._checkpoint}
        return {"seed": self._run.seed, "id": self._run.id, **{name: str(path) for name, path in places.items()}}

    def train(self, command: Command, places: Mapping[str, Path], params: Mapping[str, Value], code: Path) -> None:
        """Run the program, whose files lie at `places` and whose modules below `code`."""
        values = {**params, **self._given()}
        words = command.filled(values, places)
        self._run.restart()
        self._log(ended=False)
        self._run.record(command=command.filled(values, {name: Path(name) for name in places}))
        self._note_data(words)
        on_line = self._patterns.feed if self._options.get("patterns") else None
        environment = self._environment(code)
        if container := self._options.get("container"):
            self._run.record(image=container["image"])
            binds = (code, self._run.folder, self._run.study)
            words = in_container(container, words, binds=binds, folder=Path.cwd(), environment=environment)
        program = Program(words, Path.cwd(), environment, on_line)
        try:
            exit_code, stopped = self._watch(program)
        finally:
            program.close()
        self._log(ended=exit_code == 0)
        self._end(exit_code, stopped, program.tail)

    def _note_data(self, words: list[str]) -> None:
        """Note the files of the study that are given as arguments, so that their content is a part of the result."""
        for word in words:
            path = Path(word.partition("=")[2] if word.startswith("-") else word)
            if path.is_absolute() and path.is_relative_to(self._run.study) and _is_file(path):
                status = path.stat()
                self._run.made_by.used[str(path)] = _entry(path, status.st_size, status.st_mtime_ns)

    def _environment(self, code: Path) -> dict[str, str]:
        return {
            "HPCSWEEP_METRICS": str(self._metrics),
            "HPCSWEEP_CHECKPOINT": str(self._checkpoint),
            "HPCSWEEP_FOLDER": str(self._run.folder),
            "HPCSWEEP_STUDY": str(self._run.study),
            "HPCSWEEP_SEED": str(self._run.seed),
            "HPCSWEEP_RUN": self._run.id,
            "PYTHONPATH": os.pathsep.join([str(code), *filter(None, [os.environ.get("PYTHONPATH")])]),
        }

    def _watch(self, program: Program) -> tuple[int, bool]:
        """Log what comes until the program has ended; return its exit code, and whether it was told to stop."""
        grace_s = self._options.get("grace_s") or GRACE_S
        early_s = grace_s + SPARE_S if self._options.get("grace_s") else 0.0
        while (code := program.wait(LOOK_EVERY_S)) is None:
            self._log(ended=False)
            self._keep()
            if self._run.should_stop or self._run.remaining_s <= early_s:
                number = signal.Signals[self._options.get("stop_signal", "SIGTERM")]
                return program.stop(number, max(min(grace_s, self._run.remaining_s - SPARE_S), 0.0)), True
        return code, False

    def _end(self, code: int, stopped: bool, tail: str) -> None:
        """Exit code 0 is the end. Any other end after the stop signal is a pause, and so is exit code 75."""
        stopped = stopped or (-code in _SENT_TO_ALL and self._was_told())
        paused = code != 0 and (stopped or code == PAUSED_CODE)
        self._run.observed_stop = paused
        if code != 0 and not paused:
            raise ProgramFailedError(code, tail, _hint(tail, self._run.study))
        if stopped and not paused:
            self._run.record(ended_after_stop_signal=True)
        if self._last is not None and self._epochs.last > self._last:
            raise JobError(
                f"found epoch {self._epochs.last}, expected {self._last} at most, since epochs = {self._last}"
            )
        if paused or self._last is not None:
            self._keep(now=True)
        else:
            shutil.rmtree(self._checkpoint, ignore_errors=True)
            self._journal.unlink(missing_ok=True)

    def _was_told(self) -> bool:
        """Whether a signal that has ended the program was meant for the worker, too: schedulers send it to both."""
        time.sleep(ARRIVES_S)
        return self._run.should_stop

    def _log(self, *, ended: bool) -> None:
        for source in self._sources:
            self._epochs.add(source.new_rows(ended=ended))
        anew, new = self._epochs.new(ended=ended)
        if anew:
            self._run.restart()
        for epoch, row in new:
            self._run.log(epoch, **row)

    def _keep(self, *, now: bool = False) -> None:
        """Let the next attempt begin with this one's files, from the program's first checkpoint on."""
        if (now or not self._is_kept or self._run.checkpoint_due) and _holds_files(self._checkpoint):
            self._run.checkpoint({})
            self._is_kept = True

    def _make_sources(self) -> list[Source]:
        folder, options = self._run.folder, self._options
        sources: list[Source] = [JsonLines(self._metrics)]
        if options.get("csv"):
            sources.append(CsvFile(folder / options["csv"]))
        if options.get("tensorboard"):
            sources.append(EventFiles(folder / options["tensorboard"]))
        return [*sources, self._patterns]


def _hint(output: str, study: Path) -> str:
    """Return what to write for a path that was looked for in the run's folder and is one of the study."""
    for name in map("".join, reversed(_MISSING.findall(output))):
        if not Path(name).is_absolute() and (study / name).exists():
            return f'; there is a "{name}" in the study: give the command {{study}}/{name}, or set workdir = "study"'
    return ""


@lru_cache(maxsize=1000)
def _entry(path: Path, size: int, time_ns: int) -> Entry:
    """Return what is recorded of a file that looks so."""
    return entry_of_files(path)


def _holds_files(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:  # the program has removed it
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # an argument that no file can be called
        return False
