"""The processes of one array task: one or several per GPU, or one per core; each with threads from the allocation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hpcsweep.machine import usable_cores
from hpcsweep.slurm.on_node.following import Following
from hpcsweep.slurm.terms import SlurmTerms
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.worker.process.threads import pin_to_core, set_environment
from hpcsweep.worker.stop_request import Stop
from hpcsweep.worker.work_until import work_until

POLL_S = 0.2


@dataclass(frozen=True)
class WorkerProcess:
    """What one process of a task may use; `gpu` is None on CPUs, `core` is None if it is not pinned."""

    threads: int
    gpu: str | None = None
    core: int | None = None


def cores_of(terms: SlurmTerms, environment: Mapping[str, str]) -> int:
    """Return how many cores SLURM gave this task."""
    return int(environment.get("SLURM_CPUS_PER_TASK") or terms.request.cpus)


def gpus_of(terms: SlurmTerms, environment: Mapping[str, str]) -> list[str]:
    """Return the names of the GPUs that SLURM gave this task, as they are in CUDA_VISIBLE_DEVICES."""
    visible = [gpu.strip() for gpu in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu.strip()]
    return visible if terms.request.gpu_count else []


def plan_processes(terms: SlurmTerms, environment: Mapping[str, str]) -> list[WorkerProcess]:
    """Return the processes that this task begins with, from what SLURM gave it.

    On GPUs: `workers_per_gpu` processes per GPU share the task's cores; if that number is to be found out, one per GPU
    with one thread, so that there are cores for others. On CPUs: one process per core with one thread, so that numbers
    do not depend on the size of the allocation.
    """
    cpus, gpus = cores_of(terms, environment), gpus_of(terms, environment)
    if gpus and isinstance(terms.workers_per_gpu, str):
        return [WorkerProcess(1, gpu) for gpu in gpus]
    if gpus:
        total = len(gpus) * int(terms.workers_per_gpu)
        return [WorkerProcess(max(1, cpus // total), gpus[number % len(gpus)]) for number in range(total)]
    pinned = usable_cores() == cpus
    return [WorkerProcess(1, None, number if pinned else None) for number in range(cpus)]


class Team:
    """The processes of this task at work on a submission: those it begins with, and those that `followers` adds."""

    def __init__(
        self,
        submission: SubmissionFolder,
        processes: list[WorkerProcess],
        stop: Stop,
        followers: Callable[[], list[WorkerProcess]] | None = None,
    ) -> None:
        """Take the processes to begin with; `followers` is asked repeatedly for more to start."""
        self._submission, self._processes, self._stop = submission, processes, stop
        self._followers = followers
        self._children: list[subprocess.Popen[str]] = []

    def work(self, index: int, workers: int) -> Counter[str]:
        """Train until nothing is left or it is time to stop; return how many trajectories ended how."""
        if len(self._processes) == 1 and self._followers is None:
            prepare(self._processes[0])
            return work_until(Following(self._submission), self._stop, index, workers)
        self._start(self._processes, index, workers)
        self._wait(index, workers)
        endings: Counter[str] = Counter()
        for child in self._children:
            endings += _endings_of(child.stdout, child.returncode)
        return endings

    def _start(self, processes: list[WorkerProcess], index: int, workers: int) -> None:
        """Start processes besides those that run; each begins at another part of the work."""
        already = len(self._children)
        total = already + len(processes)
        self._children += [
            self._start_one(process, index * total + number, workers * total)
            for number, process in enumerate(processes, already)
        ]

    def _start_one(self, process: WorkerProcess, index: int, workers: int) -> subprocess.Popen[str]:
        words = {
            "submission": str(self._submission.path),
            "index": index,
            "workers": workers,
            "ends_in_s": self._stop.remaining_s,
            "margin_s": self._stop.margin_s,
            "early_s": self._stop.early_s,
            **process.__dict__,
        }
        environment = dict(os.environ) | ({} if process.gpu is None else {"CUDA_VISIBLE_DEVICES": process.gpu})
        return subprocess.Popen(
            [sys.executable, "-m", "hpcsweep.slurm.on_node.processes", json.dumps(words)],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def _wait(self, index: int, workers: int) -> None:
        """Wait for the children, add those that follow, and pass a signal on once."""
        handed_on = False
        while any(child.poll() is None for child in self._children):
            if self._stop.signal is not None and not handed_on:
                handed_on = True
                for child in self._children:
                    if child.poll() is None:
                        child.send_signal(self._stop.signal)
            if self._followers is not None and not self._stop.requested:
                self._start(self._followers(), index, workers)
            time.sleep(POLL_S)


def _endings_of(stdout: IO[str] | None, code: int) -> Counter[str]:
    """Return what a process answered at its end; one that died counts as `died`."""
    lines = stdout.read().splitlines() if stdout else []
    try:
        return Counter(json.loads(lines[-1]))
    except (IndexError, ValueError):
        return Counter({f"died ({code})": 1})


def prepare(process: WorkerProcess) -> None:
    """Give this process its threads and core, before any numerical library is imported."""
    set_environment(process.threads)
    if process.core is not None:
        pin_to_core(process.core)


def main(argument: str) -> None:
    """Be one process of a task: `argument` is what `Team` says about it, as JSON."""
    words: dict[str, Any] = json.loads(argument)
    answer = os.dup(1)
    os.dup2(2, 1)  # what a job prints outside its log must not mix with the answer
    stop = Stop(time.monotonic() + words["ends_in_s"], words["margin_s"], words["early_s"])
    stop.listen()
    prepare(WorkerProcess(words["threads"], words["gpu"], words["core"]))
    submission = SubmissionFolder(Path(words["submission"]))
    endings = work_until(Following(submission), stop, words["index"], words["workers"])
    os.write(answer, (json.dumps(dict(endings)) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1])
