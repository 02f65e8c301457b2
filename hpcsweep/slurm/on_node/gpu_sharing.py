"""Finding out how many workers fit on a GPU: one begins; others follow as soon as a result says what memory it took."""

from __future__ import annotations

import contextlib
import math
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice

from hpcsweep.errors import SchedulerError, StoreError
from hpcsweep.slurm.on_node.processes import WorkerProcess, cores_of, gpus_of
from hpcsweep.slurm.terms import SlurmTerms
from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest, ManifestTrajectory, read_manifest
from hpcsweep.store.results import read_result
from hpcsweep.worker.claiming import is_open

RunKey = tuple[str, str]  # trajectory id, run id

USABLE = 0.9  # of a GPU's memory: the driver keeps some, and a later run may have a slightly larger peak
POOL = 2.0  # memory pools of TensorFlow and JAX grow by doubling, so a process may hold twice its peak
CONTEXT_GB = 0.6  # of a process besides its pool: the CUDA context and the code of cuDNN and cuBLAS
LOOKED_AT = 200  # results in one look at most, so that it takes a fraction of a second on a file server
LOOK_S = 2.0
PAUSES = 50  # times a look's own duration until the next: looking takes at most two per cent of the time
SUBMISSIONS = 4  # of the sweep: the newest ones, whose results are used
ASK_S = 30.0
MIB = 2**20


def workers_that_fit(total_gb: float, peak_gb: float, cores: int) -> int:
    """Return how many processes with a peak of `peak_gb` fit on a GPU of `total_gb`: at least 1, at most `cores`."""
    fit = USABLE * total_gb / (POOL * peak_gb + CONTEXT_GB)
    return max(1, min(cores, math.floor(fit)))


@dataclass(frozen=True)
class Gpu:
    """One GPU of a task: its name in CUDA_VISIBLE_DEVICES, its kind, its memory."""

    index: str
    kind: str
    total_gb: float


def ask_gpu(index: str) -> Gpu:
    """Ask nvidia-smi for the kind and the memory of a GPU; SchedulerError says why there is no answer."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits", "-i", index]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise SchedulerError(f"nvidia-smi cannot be asked for GPU {index}: {error}") from error
    kind, _, total_mib = said.rpartition(",")
    if not total_mib.strip().isdecimal():
        raise SchedulerError(f'nvidia-smi said "{said}" about GPU {index}, expected its name and its memory in MiB')
    return Gpu(index, kind.strip(), int(total_mib) * MIB / 1e9)


class Peaks:
    """What results say about the memory that their workers took on one kind of GPU, read a few at a time."""

    def __init__(self, store: Store, kind: str, unread: list[RunKey]) -> None:
        """Look at the results of `unread`, in that order."""
        self._store, self._kind, self._unread = store, kind, unread

    def look(self) -> float | None:
        """Return the largest peak in GB among the next results, None if none has one; each result is read once."""
        window, rest = self._unread[:LOOKED_AT], self._unread[LOOKED_AT:]
        seen = {pair: peak for pair in window if (peak := self._peak_gb(*pair)) is not None}
        self._unread = [pair for pair in window if pair not in seen] + rest
        largest_gb = max(seen.values(), default=0.0)
        return largest_gb if largest_gb > 0 else None

    def _peak_gb(self, trajectory: str, run: str) -> float | None:
        """Return the peak of a result; 0 if it has none, None if there is no result yet."""
        try:
            facts = read_result(self._store.folder(trajectory), run, with_arrays=False).facts
        except FileNotFoundError:
            return None
        except (StoreError, OSError):  # damaged, which others will report
            return 0.0
        peak_gb = facts.get("device_memory_gb")
        return float(peak_gb) if facts.get("device") == self._kind and isinstance(peak_gb, (int, float)) else 0.0


class Sharing:
    """The workers that follow the first one onto each GPU of a task, all of one kind."""

    def __init__(self, gpus: list[Gpu], cores: int, store: Store, manifest: Manifest, first: int = 0) -> None:
        """Look for results, and for work, in the order of the manifest from its trajectory number `first`."""
        self._gpus, self._cores, self._store = gpus, cores, store
        self._trajectories = [*manifest.trajectories[first:], *manifest.trajectories[:first]]
        self._peaks = Peaks(store, gpus[0].kind, _runs_of(self._trajectories))
        self._sample = Peaks(store, gpus[0].kind, _spread(_submitted_runs(store, manifest)))
        self._decided, self._next_look = False, 0.0

    def followers(self) -> list[WorkerProcess]:
        """Return the processes to start now: none until a result says how many fit, and none after that."""
        began = time.monotonic()
        if self._decided or began < self._next_look:
            return []
        try:
            return self._look()
        except OSError:  # the file server does not answer now; workers handle that themselves, and this can wait
            return []
        finally:
            now = time.monotonic()
            self._next_look = now + max(LOOK_S, PAUSES * (now - began))

    def _look(self) -> list[WorkerProcess]:
        peaks_gb = [peak_gb for source in (self._peaks, self._sample) if (peak_gb := source.look()) is not None]
        if not peaks_gb:
            return []
        found = self._decide(max(peaks_gb))
        self._decided = True
        return found

    def _decide(self, peak_gb: float) -> list[WorkerProcess]:
        fit = min(workers_that_fit(gpu.total_gb, peak_gb, self._cores // len(self._gpus)) for gpu in self._gpus)
        more = self._open((fit - 1) * len(self._gpus))
        print(
            f"hpcsweep: {fit} workers fit on a GPU ({self._gpus[0].kind}, {self._gpus[0].total_gb:.1f} GB; a worker's "
            f"peak was {peak_gb:.2f} GB; {self._cores} cores): starting {more} more",
            flush=True,
        )
        return [WorkerProcess(1, gpu.index) for gpu in islice(cycle(self._gpus), more)]

    def _open(self, most: int) -> int:
        """Return how many trajectories nobody has claimed, but at most `most`."""
        looked_at = islice(self._trajectories, LOOKED_AT + most)
        return sum(1 for _ in islice((one for one in looked_at if is_open(self._store.look(one.id), one)), most))


def find_sharing(
    terms: SlurmTerms, environment: Mapping[str, str], submission: SubmissionFolder, index: int, workers: int
) -> Sharing | None:
    """Return how the GPUs of task `index` of `workers` will be shared; None if there is nothing to find out.

    If there are too few cores, or nvidia-smi does not answer, each GPU keeps one worker, and the log says so.
    """
    gpus, cores = gpus_of(terms, environment), cores_of(terms, environment)
    if isinstance(terms.workers_per_gpu, int) or not gpus:
        return None
    try:
        if cores < 2 * len(gpus):
            raise SchedulerError(f"there are {cores} cores for {len(gpus)} GPUs, and each worker needs one: --cpus")
        asked = [ask_gpu(gpu) for gpu in gpus]
    except SchedulerError as error:
        print(f'hpcsweep: one worker per GPU, not workers_per_gpu = "{terms.workers_per_gpu}": {error}', flush=True)
        return None
    manifest = read_manifest(submission.manifest)
    store = Store(submission.store_root, lease_s=manifest.lease_s)
    return Sharing(asked, cores, store, manifest, first=index * len(manifest.trajectories) // max(workers, 1))


def _runs_of(trajectories: Iterable[ManifestTrajectory]) -> list[RunKey]:
    return [(trajectory.id, run.id) for trajectory in trajectories for run in trajectory.runs]


def _submitted_runs(store: Store, manifest: Manifest) -> list[RunKey]:
    """Return the runs of the sweep's newest submissions, including this one: those that are done say what fits."""
    found: dict[RunKey, None] = {}
    for submission in store.layout.submissions(manifest.sweep)[-SUBMISSIONS:]:
        with contextlib.suppress(StoreError):
            one = read_manifest(submission.manifest)
            if one.job == manifest.job:
                found.update(dict.fromkeys(_runs_of(one.trajectories)))
    return list(found)


def _spread(pairs: list[RunKey]) -> list[RunKey]:
    """Return as many as one look takes, spread over `pairs`, since neighbours often have the same size."""
    return pairs[:: max(1, -(-len(pairs) // LOOKED_AT))]
