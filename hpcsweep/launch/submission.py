"""From a plan to what workers read: the manifest of one submission, written before any worker starts."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpcsweep.errors import UsageError
from hpcsweep.files import sha256_hex
from hpcsweep.launch.plan import Plan
from hpcsweep.metrics import better
from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest, ManifestTrajectory, WorkerSettings, manifest_lines
from hpcsweep.store.snapshots import keep_snapshot
from hpcsweep.store.submissions import new_submission
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Trajectory

LOCAL_HEARTBEAT_S = 1.0
UNASKED_MODELS = 1000  # each takes a folder and a file, and the filers of clusters are full
UNASKED_MODELS_MB = 100.0  # of all runs of a sweep together


def write_submission(plan: Plan, store: Store, manifest: Manifest) -> SubmissionFolder:
    """Write down what the workers of a new submission are to train."""
    for one in manifest.trajectories:
        store.folder(one.id).cancelled.unlink(missing_ok=True)
    # All runs of the sweep are named, including those that are done, so that the next plan can say which were removed.
    run_ids = [run.id for run in plan.sweep.runs]
    return new_submission(store.layout, plan.sweep.name, manifest_lines(manifest), run_ids)


def manifest_of(
    plan: Plan,
    store: Store,
    trajectories: list[Trajectory],
    *,
    heartbeat_s: float = LOCAL_HEARTBEAT_S,
    files: Mapping[str, bytes] | None = None,
    cut: bool = False,
) -> Manifest:
    """Return what the workers of a submission are told. The store is made if necessary, and has a snapshot of the code.

    With [halving] or [suggest], the other trajectories of the sweep are named too, since decisions depend on all of
    them. `files` are those of the job's code, by their paths from the study's folder; by default as they are now.
    `cut`: to kill the first attempt at each trajectory.
    """
    store.create()
    sweep, left = plan.sweep, {one.id for one in trajectories}
    named = plan.trajectories if sweep.halving or sweep.search else trajectories
    files = sweep.code_files() if files is None else files
    return Manifest(
        sweep=sweep.name,
        job=sweep.job.reference,
        root=sweep.root,
        lease_s=store.lease_s,
        heartbeat_s=heartbeat_s,
        trajectories=tuple(_entry(one, store, tries_again=one.id in left) for one in named),
        settings=replace(_settings(sweep, files), cut=cut),
        snapshot=keep_snapshot(store.layout, files),
    )


def asks_for(one: Manifest, other: Manifest) -> bool:
    """Whether a submission asks for everything that another one would, in the same way."""
    (header, *lines), (same_header, *needed) = manifest_lines(one), manifest_lines(other)
    return header == same_header and set(needed) <= set(lines)


def _entry(trajectory: Trajectory, store: Store, *, tries_again: bool) -> ManifestTrajectory:
    return ManifestTrajectory.of(trajectory, store.look(trajectory.id).failed_generation if tries_again else 0)


def _settings(sweep: Sweep, files: Mapping[str, bytes]) -> WorkerSettings:
    own = [sha256_hex(files[name]) for name in sweep.job.files]
    return WorkerSettings(
        **sweep.training.model_dump(),
        workdir=sweep.workdir,
        keep=_keep(sweep),
        stop=sweep.stop.model_dump() if sweep.stop else None,
        metrics=dict(sweep.directions),
        on_divergence=sweep.on_divergence.model_dump() if sweep.on_divergence else None,
        halving=sweep.ranking,
        suggest=sweep.search.to_json() if sweep.search else None,
        commit=commit_of(sweep.root),
        job_sha256=own[0] if own else None,
        command=_command(sweep),
    )


def _keep(sweep: Sweep) -> dict[str, Any]:
    """Return the section [keep] with what it leaves open: the most MB of a model, and which way its metric is better.

    A model that nobody has asked for is kept where those of the whole sweep are few, and small together.
    """
    keep = sweep.keep.model_dump()
    if keep["model"] is None:
        few = sweep.most_runs <= UNASKED_MODELS
        keep |= {"model": "final" if few else "none", "model_mb": UNASKED_MODELS_MB / sweep.most_runs}
    if sweep.keep.by is not None:
        keep["mode"] = better(sweep.keep.by, sweep.directions)
    return keep


def _command(sweep: Sweep) -> dict[str, Any] | None:
    """Return the section [command_options], and the profile's container if each command runs in it."""
    container = sweep.profile.container
    if sweep.command_options is None:
        if container and not sweep.profile.holds_workers:
            raise UsageError(
                f'profile "{sweep.profile.name}": container.wraps: found "command" with a job function, '
                'expected "worker", or a command in the sweep file'
            )
        return None
    wraps = {"container": container.found()} if container and not sweep.profile.holds_workers else {}
    return {**sweep.command_options.model_dump(), **wraps}


def commit_of(root: Path) -> str | None:
    """Return the commit that is checked out in the study, with `-dirty` if tracked files differ; None without git."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
