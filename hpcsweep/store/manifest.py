"""What a worker is told to train: a file written once, before the worker starts.

Format: JSON lines. The first is the header (sweep, job, settings of all runs, the snapshot of the code, which earlier
releases did not take), every other is a trajectory:
`{"id", "seed", "params", "runs": [{"id", "epochs"}], "retry"}` with its runs in increasing `epochs`; `retry` is the
generation of the failure to try again, 0 for none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from hpcsweep.errors import NewerFormatError, StoreError
from hpcsweep.files import canonical_json
from hpcsweep.metrics import Direction, direction_of_ids
from hpcsweep.store.reader import parse_record, read_bytes, require_format
from hpcsweep.store.trajectory_folder import TRAJECTORY
from hpcsweep.sweep.choices import EPOCHS, Engine, Isolation, StackOrder
from hpcsweep.sweep.runs import Trajectory, epochs_of

FORMAT = 1


@dataclass(frozen=True)
class ManifestRun:
    """One run of a trajectory, with all parameters resolved."""

    id: str
    params: dict[str, Any]

    @property
    def epochs(self) -> int | None:
        """Return the run's `epochs`, None if its job takes no such parameter."""
        return epochs_of(self.params)


@dataclass(frozen=True)
class ManifestTrajectory:
    """One trajectory and the generation of the failure that may be tried again."""

    id: str
    seed: int
    params: dict[str, Any]
    runs: tuple[ManifestRun, ...]
    retry: int = 0

    @classmethod
    def of(cls, trajectory: Trajectory, retry: int = 0) -> ManifestTrajectory:
        """Return a trajectory of a sweep as a manifest names it."""
        runs = tuple(ManifestRun(run.id, run.params) for run in trajectory.runs)
        return cls(trajectory.id, trajectory.seed, dict(trajectory.params), runs, retry)

    @property
    def shape(self) -> str:
        """Return what trajectories that may share a program have in common: all parameters except floats."""
        return canonical_json({name: value for name, value in self.params.items() if not isinstance(value, float)})

    @property
    def may_go_on(self) -> bool:
        """Whether a run of more epochs would lie on this trajectory, and go on from its last checkpoint."""
        return EPOCHS not in self.params and all(run.epochs is not None for run in self.runs)

    @property
    def longest_epochs(self) -> int:
        """Return the largest `epochs` of the runs, 0 if the job takes no such parameter."""
        return max((run.epochs or 0 for run in self.runs), default=0)


@dataclass(frozen=True)
class WorkerSettings:
    """How workers train, the same for all runs of a submission: the sweep file's [training] and rules, and its origin.

    `stop` (with its `mode`), `halving` (with its `direction`), `on_divergence`, `metrics` and `keep` are the sections
    of these names, `suggest` is a Search, `command` is [command_options], None for a job function; `commit` is the
    study's, `job_sha256` the job file's. `workdir`: "run" for a working folder for each run, "study" for the folder
    that the worker is started in. `cut`: whether the first attempt at each trajectory is to be killed, to try out how
    it goes on.
    """

    engine: str = Engine.AUTO
    backend: str | None = None
    precision: str | None = None
    stack_order: str = StackOrder.OWN
    stack_size: int = 16
    faster: bool = True
    isolation: str = Isolation.WORKER
    renew_gb: float | None = None
    workdir: str = "study"
    keep: Mapping[str, Any] | None = None
    stop: Mapping[str, Any] | None = None
    on_divergence: Mapping[str, Any] | None = None
    halving: Mapping[str, Any] | None = None
    suggest: Mapping[str, Any] | None = None
    command: Mapping[str, Any] | None = None
    metrics: Mapping[str, Direction] = field(default_factory=dict)
    commit: str | None = None
    job_sha256: str | None = None
    cut: bool = False

    @property
    def decides(self) -> bool:
        """Whether what is trained later is decided from what was trained before."""
        return bool(self.halving or self.suggest)

    @property
    def isolated(self) -> bool:
        """Whether each trajectory is trained in a process of its own."""
        return self.isolation == Isolation.PROCESS


@dataclass(frozen=True)
class Manifest:
    """Everything that the workers of one submission need to know."""

    sweep: str
    job: str
    root: Path
    lease_s: float
    heartbeat_s: float
    trajectories: tuple[ManifestTrajectory, ...]
    settings: WorkerSettings = WorkerSettings()
    snapshot: str | None = None

    @property
    def job_file(self) -> str:
        """Return the path of the job's file from the study's folder, with slashes."""
        return self.job.rpartition(":")[0]

    @property
    def job_function(self) -> str:
        """Return the name of the job function."""
        return self.job.rpartition(":")[2]


_SETTINGS = {one.name for one in fields(WorkerSettings)}
_HEADER = {"format", *(one.name for one in fields(Manifest))}


def manifest_lines(manifest: Manifest) -> list[str]:
    """Return the lines of `manifest`, without line ends."""
    header = {
        "format": FORMAT,
        "sweep": manifest.sweep,
        "job": manifest.job,
        "root": str(manifest.root),
        "lease_s": manifest.lease_s,
        "heartbeat_s": manifest.heartbeat_s,
        "settings": asdict(manifest.settings),
        "snapshot": manifest.snapshot,
    }
    return [json.dumps(header), *(json.dumps(_line(trajectory)) for trajectory in manifest.trajectories)]


def read_manifest(path: Path, *, to_train: bool = False) -> Manifest:
    """Read a manifest; StoreError if it is damaged, NewerFormatError if a later release wrote it.

    What only a later hpcsweep knows is ignored. With `to_train` it is refused, since numbers may depend on it.
    """
    try:
        first, *others = read_bytes(path).splitlines()
        header = parse_record(first, path)
        require_format(header, FORMAT, path)
        lines = [parse_record(line, path) for line in others]
        settings = header["settings"]
        unknown = sorted((header.keys() - _HEADER) | (settings.keys() - _SETTINGS))
        if unknown and to_train:
            raise ValueError(f"it asks for what this hpcsweep does not know ({', '.join(unknown)}); submit it again")
        return Manifest(
            **{key: header[key] for key in ("sweep", "job", "lease_s", "heartbeat_s")},
            root=Path(header["root"]),
            snapshot=header.get("snapshot"),
            trajectories=tuple(map(_trajectory, lines)),
            settings=_settings({name: value for name, value in settings.items() if name in _SETTINGS}),
        )
    except NewerFormatError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StoreError(f"{path}: cannot be read as a manifest of format {FORMAT}: {error}") from error


def _settings(settings: dict[str, Any]) -> WorkerSettings:
    stop = settings.get("stop")
    if stop and not stop.get("mode"):  # a manifest of the first releases, which left the direction to the worker
        settings["stop"] = {**stop, "mode": direction_of_ids(stop["metric"])}
    return WorkerSettings(**settings)


def _line(trajectory: ManifestTrajectory) -> dict[str, Any]:
    return {
        "id": trajectory.id,
        "seed": trajectory.seed,
        "params": trajectory.params,
        "runs": [
            {"id": run.id} if run.epochs is None else {"id": run.id, "epochs": run.epochs} for run in trajectory.runs
        ],
        "retry": trajectory.retry,
    }


def _trajectory(line: dict[str, Any]) -> ManifestTrajectory:
    params = line["params"]
    if not all(TRAJECTORY.fullmatch(name) for name in (line["id"], *(run["id"] for run in line["runs"]))):
        raise ValueError("found an id that is no digest")
    runs = tuple(
        ManifestRun(run["id"], {**params, "epochs": run["epochs"]} if "epochs" in run else params)
        for run in line["runs"]
    )
    return ManifestTrajectory(line["id"], line["seed"], params, runs, line["retry"])
