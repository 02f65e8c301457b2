"""Where everything is in a store: only this module and `trajectory_folder` know these names.

<store>/
  store.json                                  format of the store
  decisions/<digest>.json                     what was decided once for all runs, such as an engine
  trajectories/<2 hex>/<trajectory id>/
    meaning.json                              job, seed and resolved parameters of the trajectory
    claim.g<n>                                who trains it, attempt n; its mtime is the heartbeat, 0 once given back
    checkpoint.g<n>.k<k>.e<epoch>             header line with a SHA-256, then an npz; at most one stays at the end
    progress.json                             latest epoch and metrics, for people; removed when all is done
    failed.g<n>.json                          how attempt n failed
    cancelled                                 nobody may train this until it is submitted again
    cut.g<n>.json                             how long attempt n had, if it had to stop without a checkpoint
    log.g<n>.txt                              what attempt n printed
    .tmp-crew                                 others still write into this trajectory's log; like every .tmp- file, it
                                              keeps the trajectory from being packed
    run-<run id>.json                         the result of a run; names and hashes its arrays
    run-<run id>.g<n>.npz                     history, confusion matrix and other arrays of the result
    files-<run id>.g<n>/                      the working folder of attempt n at a run, and what is kept of it
    made.g<n>.<code>.<data>                   empty; its name says by which code and data attempt n works
  packs/
    pack-<digest>.zip                         files of many finished trajectories, with the names that they had there
    pack-<digest>.<digest>.json               the index of a pack, which can be made again
    claim.g<n>                                who packs
    .tmp-commit-<letters>                     with this a worker writes results of short runs together; who takes its
                                              place removes it
  code/snapshots/<digest>/                    the files of a job as they were when it was sent to workers
  code/bundles/<digest>.zip                   what workers in containers import: hpcsweep's half and submitit
  code/versions/<digest>.json                 what the code that a worker imported means, part by part
  code/kept/<before>.<now>.json               results of the first code or data stand for the second: somebody said so
  remarks/<time>-<letters>.json               one note or tag that somebody gave a run or a setting, or took back
  datasets/<digest>.json                      which data a run used: examples, digests, files
  sweeps/<name>/wanted.json                   how many workers the sweep wants
  sweeps/<name>/claim.g<n>                    who counts its workers now, and sends those that it lacks
  sweeps/<name>/<submission>/
    manifest.jsonl                            what the workers of this submission train
    cancelled                                 the workers of this submission shall stop, and none shall continue
    halted.json                               why its workers shall begin nothing more: its job cannot begin
    run-ids.txt                               all runs that the sweep had then
    workers/                                  submitit's files and each worker's own output
  aside/<time>/                               a store of results that others have taken the place of
  cache/
    records-v<n>-<digest>.npz                 finished runs as frames, which can be made again
    histories-v<n>-<digest>.npz               their histories
    tried-<digest>.json                       what runs of a job cost when `try` tried them
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from hpcsweep.files import TEMPORARY_PREFIX
from hpcsweep.store.packed import NOTHING_PACKED, Packed, steadily
from hpcsweep.store.trajectory_folder import SHORT, TRAJECTORY, TrajectoryFolder, folder_in_store, listed

REMARK = re.compile(r"\d{20}-[0-9a-f]{8}\.json")
PACK_NAME = "pack-{}.zip"
PACK = re.compile(r"pack-([0-9a-f]{64})\.zip")
TICKET = re.compile(r"[0-9a-f]{32}")
INDEX = re.compile(r"pack-([0-9a-f]{64})\.([0-9a-f]{64})\.json")


@dataclass(frozen=True)
class SubmissionFolder:
    """The names inside one submission's folder."""

    path: Path

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.jsonl"

    @property
    def run_ids(self) -> Path:
        return self.path / "run-ids.txt"

    @property
    def workers(self) -> Path:
        return self.path / "workers"

    @property
    def cancelled(self) -> Path:
        return self.path / "cancelled"

    @property
    def halted(self) -> Path:
        return self.path / "halted.json"

    @property
    def store_root(self) -> Path:
        return self.path.parents[2]


@dataclass(frozen=True)
class Layout:
    """The names at the top of a store; of its trajectories, also those that are packed."""

    root: Path
    packed: Packed = field(default=NOTHING_PACKED, compare=False, repr=False)

    @property
    def format(self) -> Path:
        return self.root / "store.json"

    @property
    def trajectories(self) -> Path:
        return self.root / "trajectories"

    @property
    def packs(self) -> Path:
        return self.root / "packs"

    def pack(self, digest: str) -> Path:
        return self.packs / PACK_NAME.format(digest)

    def index(self, digest: str, own_digest: str) -> Path:
        return self.packs / f"pack-{digest}.{own_digest}.json"

    def ticket(self, letters: str) -> Path:
        return self.packs / f"{TEMPORARY_PREFIX}commit-{letters}"

    @property
    def sweeps(self) -> Path:
        return self.root / "sweeps"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    def records(self, version: int, digest: str) -> Path:
        return self.cache / f"records-v{version}-{digest}.npz"

    def tried(self, digest: str) -> Path:
        return self.cache / f"tried-{digest}.json"

    def histories(self, version: int, digest: str) -> Path:
        return self.cache / f"histories-v{version}-{digest}.npz"

    def all_records(self) -> list[Path]:
        """Return the files of cached records, of any version, oldest first."""
        try:
            return sorted(self.cache.glob("records-v*-*.npz"), key=lambda path: path.stat().st_mtime_ns)
        except OSError:
            return []

    def decisions(self) -> list[Path]:
        """Return the files of all decisions."""
        folder = self.root / "decisions"
        return [folder / name for name in sorted(listed(folder)) if name.endswith(".json")]

    def decision(self, digest: str) -> Path:
        return self.root / "decisions" / f"{digest}.json"

    @property
    def aside(self) -> Path:
        return self.root / "aside"

    @property
    def snapshots(self) -> Path:
        return self.root / "code" / "snapshots"

    def snapshot(self, digest: str) -> Path:
        return self.snapshots / digest

    def bundle(self, digest: str) -> Path:
        return self.root / "code" / "bundles" / f"{digest}.zip"

    @property
    def versions(self) -> Path:
        return self.root / "code" / "versions"

    def version(self, digest: str) -> Path:
        return self.versions / f"{digest}.json"

    @property
    def kept(self) -> Path:
        return self.root / "code" / "kept"

    def kept_as(self, before: str, now: str) -> Path:
        return self.kept / f"{before[:SHORT]}.{now[:SHORT]}.json"

    @property
    def remarks(self) -> Path:
        return self.root / "remarks"

    def remark(self, time: str, letters: str) -> Path:
        return self.remarks / f"{time}-{letters}.json"

    def all_remarks(self) -> list[Path]:
        """Return the files of all notes and tags, oldest first."""
        return [self.remarks / name for name in sorted(listed(self.remarks)) if REMARK.fullmatch(name)]

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    def used_data(self, digest: str) -> Path:
        return self.datasets / f"{digest}.json"

    def trajectory(self, trajectory_id: str) -> TrajectoryFolder:
        return TrajectoryFolder(self.root / folder_in_store(trajectory_id), self.packed)

    def submission(self, sweep: str, stamp: str) -> SubmissionFolder:
        return SubmissionFolder(self.sweeps / sweep / stamp)

    def workforce(self, sweep: str) -> TrajectoryFolder:
        """Return where whoever counts a sweep's workers leaves a claim."""
        return TrajectoryFolder(self.sweeps / sweep)

    def wanted(self, sweep: str) -> Path:
        return self.sweeps / sweep / "wanted.json"

    def sweep_names(self) -> list[str]:
        """Return the names of the sweeps that were ever submitted, sorted."""
        return sorted(path.name for path in self.sweeps.iterdir() if path.is_dir()) if self.sweeps.is_dir() else []

    def submissions(self, sweep: str) -> list[SubmissionFolder]:
        """Return the submissions of a sweep that have a manifest, oldest first."""
        folder = self.sweeps / sweep
        if not folder.is_dir():
            return []
        found = (SubmissionFolder(path) for path in sorted(folder.iterdir()) if path.is_dir())
        return [submission for submission in found if submission.manifest.exists()]

    def loose_ids(self) -> set[str]:
        """Return the ids of all trajectories that have a folder."""
        found: set[str] = set()
        for group in listed(self.trajectories):
            found.update(filter(TRAJECTORY.fullmatch, listed(self.trajectories / group)))
        return found

    def trajectory_ids(self) -> set[str]:
        """Return the ids of all trajectories that there are, loose or packed."""
        return steadily(self.packed, self.loose_ids) | self.packed.ids()

    def names_of(self, trajectory_ids: Collection[str]) -> dict[str, list[str]]:
        """Return the names of the files that count of each of these trajectories, with one look at the packs."""
        loose = steadily(self.packed, lambda: self._loose_names(trajectory_ids))
        return {one: self.trajectory(one).overlaid(loose.get(one, [])) for one in trajectory_ids}

    def loose_names(self) -> dict[str, list[str]]:
        """Return the names of the files that count of each trajectory that has a folder."""
        loose = steadily(self.packed, lambda: self._loose_names(self.loose_ids()))
        return {one: self.trajectory(one).overlaid(names) for one, names in loose.items()}

    def _loose_names(self, trajectory_ids: Collection[str]) -> dict[str, list[str]]:
        return {one: self.trajectory(one).loose_names() for one in self.loose_ids().intersection(trajectory_ids)}
