"""What is written down of a run that has ended: its result with all that it was made by, or its failure."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Mapping
from statistics import median
from typing import Any

from hpcsweep.machine import peak_memory_gb, zip_equal
from hpcsweep.metrics import SECONDS, has_diverged, metrics_among
from hpcsweep.store import Failure, Result
from hpcsweep.store.claims import Claim, read_owner
from hpcsweep.store.manifest import Manifest, ManifestRun, ManifestTrajectory
from hpcsweep.store.states import RunState
from hpcsweep.sweep.runs import short_id
from hpcsweep.worker.error_causes import cause_of_error, message_of, told_of
from hpcsweep.worker.process.output import say
from hpcsweep.worker.run.handle import RunHandle
from hpcsweep.worker.run.real_number import real_metrics


class Freshness:
    """Notices runs that began with the weights that another run of this process ended with."""

    def __init__(self) -> None:
        self._ends: dict[Any, tuple[str, str]] = {}  # by weights: the run that ended with them, its trajectory

    def began_where(self, run: ManifestRun, trajectory: str, handle: RunHandle) -> dict[str, str]:
        """Say, at once and for the result, which other run's weights a run began with.

        A longer run of the same trajectory may do so, if it went on from a checkpoint.
        """
        initial, final = (handle.facts.get(f"{which}_weights_sha256") for which in ("initial", "final"))
        other, of = self._ends.get(initial, ("", ""))
        if isinstance(final, str):
            self._ends[final] = run.id, trajectory
        if not other or (of == trajectory and handle.restored):
            return {}
        say(
            f"hpcsweep: WARNING: run {short_id(run.id)} began with the weights that run {short_id(other)} ended with: "
            "its model was not built anew; build it inside the job function"
        )
        return {"began_where": other}


def result_of(
    manifest: Manifest,
    trajectory: ManifestTrajectory,
    run: ManifestRun,
    handle: RunHandle,
    claim: Claim,
    returned: Any,
    freshness: Freshness,
) -> Result:
    """Return the result of a job that has returned `returned`: final metrics, or None for the last that it logged.

    Raises JobError if these are no real numbers.
    """
    metrics, history = _final_metrics(returned, handle), handle.history_columns()
    attempts = [_attempt(claim, number) for number in range(1, claim.generation + 1)]
    lost = handle.diverged or has_diverged(metrics)
    return Result(
        id=run.id,
        trajectory=trajectory.id,
        job=manifest.job,
        seed=trajectory.seed,
        params=dict(run.params),
        outcome=RunState.DIVERGED if lost else RunState.DONE,
        epoch=int(history["epoch"][-1]) if len(history["epoch"]) else None,
        metrics=metrics,
        facts={
            "device": "cpu",
            **handle.facts,
            **handle.made_by.facts(),
            "restored": handle.restored,
            **freshness.began_where(run, trajectory.id, handle),
            "time_s": handle.elapsed_s,
            **_epoch_s(history),
            "started": utc(attempts[0]["since"]),
            "ended": utc(time.time()),
            "host": platform.node(),
            "study": str(manifest.root),
            "python": platform.python_version(),
            "commit": manifest.settings.commit,
            "job_sha256": manifest.settings.job_sha256,
            "attempts": attempts,
        },
        history=history,
        arrays=handle.arrays,
    )


def failure_of(error: BaseException, run: ManifestRun, handle: RunHandle, claim: Claim) -> Failure:
    """Return the record of a run whose job raised `error`."""
    logged = handle.restored or bool(handle.history["epoch"])
    said, told = message_of(error), told_of(error)
    memory_gb = round(peak_memory_gb(), 2)
    return Failure(cause_of_error(error), said, told, claim.generation, run.id, time.time(), memory_gb, logged)


def utc(time_s: float | None) -> str | None:
    """Return seconds since 1970 as ISO 8601; None for an attempt about which nothing is known."""
    return None if time_s is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


def _final_metrics(returned: Any, handle: RunHandle) -> dict[str, float]:
    if returned is None:
        logged = handle.last_metrics()
        returned = {name: logged[name] for name in metrics_among(logged)}
    return real_metrics(returned, "the job")


def _epoch_s(history: Mapping[str, Any]) -> dict[str, float]:
    """Return the seconds of an epoch but the first, which holds what comes once; nothing if no other was logged."""
    if SECONDS not in history:
        return {}
    seconds = [float(time_s) for epoch, time_s in zip_equal(history["epoch"], history[SECONDS]) if epoch > 1]
    known = [time_s for time_s in seconds if math.isfinite(time_s)]
    return {"epoch_s": median(known)} if known else {}


def _attempt(claim: Claim, generation: int) -> dict[str, Any]:
    owner = read_owner(claim.folder, generation)
    return {"generation": generation, **{key: owner.get(key) for key in ("worker", "host", "pid", "since")}}
