"""In which order a worker takes trajectories, and which of them it trains together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from hpcsweep.store.claims import Claim
from hpcsweep.store.manifest import Manifest, ManifestTrajectory
from hpcsweep.worker.crew import run_as_crew
from hpcsweep.worker.endings import Ending
from hpcsweep.worker.process.output import output_to
from hpcsweep.worker.trajectory import TrajectoryTrainer

Claims = list[tuple[ManifestTrajectory, Claim]]


def batches(manifest: Manifest, index: int, workers: int, *, stacked: bool) -> Iterator[list[ManifestTrajectory]]:
    """Yield the trajectories in turn, beginning at a different place for each worker; several at a time to stack.

    Those that may share a program have the same epochs and the same parameters, except for floats and the seed.
    """
    whole = [[trajectory] for trajectory in manifest.trajectories]
    if stacked:
        largest = manifest.settings.stack_size
        fair = -(-len(whole) // max(workers, 1))
        whole = [chunk for group in _alike(manifest) for chunk in _chunks(group, max(1, min(largest, fair)))]
    first = index * len(whole) // max(workers, 1)
    yield from whole[first:]
    yield from whole[:first]


def train_crew(trainer: TrajectoryTrainer, claims: Claims) -> list[Ending]:
    """Train claimed trajectories together; what they print goes into the log of the first."""
    if not claims:
        return []
    first = claims[0][1]
    log = first.folder.log(first.generation)
    for _, claim in claims[1:]:
        claim.folder.log(claim.generation).write_text(f"hpcsweep: trained together with others; see {log}\n")
    # its log is not whole before all have ended, although its own claim may be given back: this keeps it from a pack
    writing = first.folder.crew_at_work
    writing.touch()
    try:
        with output_to(log):
            return run_as_crew([partial(trainer.train, trajectory, claim) for trajectory, claim in claims])
    finally:
        with suppress(OSError):
            writing.unlink()


def _alike(manifest: Manifest) -> list[list[ManifestTrajectory]]:
    groups: dict[tuple[str, tuple[int | None, ...]], list[ManifestTrajectory]] = {}
    for trajectory in manifest.trajectories:
        key = trajectory.shape, tuple(run.epochs for run in trajectory.runs)
        groups.setdefault(key, []).append(trajectory)
    return list(groups.values())


def _chunks(group: list[ManifestTrajectory], size: int) -> Iterator[list[ManifestTrajectory]]:
    for start in range(0, len(group), size):
        yield group[start : start + size]
