"""The store: the only truth about what is done. Everybody reads and writes it through this class."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpcsweep.errors import NewerFormatError, NothingSelectedError, StoreError
from hpcsweep.files import canonical_json, printable, publish, write_atomic
from hpcsweep.store.claims import Life, owner_in_words, read_owner
from hpcsweep.store.decisions import read_decision, write_decision
from hpcsweep.store.layout import Layout, SubmissionFolder
from hpcsweep.store.manifest import Manifest, ManifestTrajectory, read_manifest
from hpcsweep.store.packs import Headline, Packs
from hpcsweep.store.reader import read_record
from hpcsweep.store.results import Failure, Result, read_failure, read_result
from hpcsweep.store.sharing import obey_sharing
from hpcsweep.store.states import RunState, StoredTrajectory, run_state
from hpcsweep.store.submissions import read_run_ids
from hpcsweep.store.trajectory_folder import LOG, RESULT, TrajectoryFolder
from hpcsweep.sweep.runs import SHORT_ID_LENGTH, Run, epochs_of, short_id
from hpcsweep.sweep.search import Search

FORMAT = 2
"""Of a new store. In one of format 1 nothing is packed, since releases that know only that would not find it."""
_LOG = logging.getLogger("hpcsweep")
DEFAULT_LEASE_S = 300.0


def locate_store(option: str | Path | None, root: Path, of_profile: str | None = None) -> Path:
    """Return the store's folder, the first that is given: `option`, HPCSWEEP_STORE, the profile's; or results/."""
    return Path(option or os.environ.get("HPCSWEEP_STORE") or root / (of_profile or "results")).absolute()


class Store:
    """A folder of results, shared by all sweeps. Reading never creates anything; `create` does.

    `probes`: whether a probe file may be written to find out who is at work, as only those may do who train or remove.
    """

    def __init__(self, root: Path, *, lease_s: float = DEFAULT_LEASE_S, probes: bool = False) -> None:
        self.root = root
        self.lease_s = lease_s
        self.probes = probes
        self.packs = Packs(Layout(root))
        self.layout = Layout(root, self.packs)
        self.format = self._read_format()
        self._warned: set[str] = set()
        self._foreseen: dict[str, dict[str, Any]] | None = None

    def create(self) -> None:
        """Make the folder if need be; StoreError says in one line why it cannot or must not be written."""
        obey_sharing(self.root)
        try:
            self.layout.trajectories.mkdir(parents=True, exist_ok=True)
            publish(self.layout.format, canonical_json({"format": FORMAT}).encode())
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(
                f"the store {self.root} cannot be written: {reason}; choose another with --store or HPCSWEEP_STORE"
            ) from error

    def raise_format(self) -> None:
        """Let a store of an earlier format be packed, which releases that know only that then refuse."""
        write_atomic(self.layout.format, canonical_json({"format": FORMAT}).encode())
        self.format = FORMAT

    def probing(self) -> Store:
        """Return the store for those who train or remove: it asks for the file server's clock."""
        return Store(self.root, lease_s=self.lease_s, probes=True)

    def foreseeing(self) -> Store:
        """Return the store for those who look ahead: what is decided in it holds for them alone, and is not written."""
        store = Store(self.root, lease_s=self.lease_s)
        store._foreseen = {}
        return store

    def folder(self, trajectory_id: str) -> TrajectoryFolder:
        """Return the folder of a trajectory, which need not exist."""
        return self.layout.trajectory(trajectory_id)

    def look(self, trajectory_id: str) -> StoredTrajectory:
        """Return what the names in a trajectory's folder say; the only file that is read is the newest claim."""
        return StoredTrajectory.look(self.folder(trajectory_id), self.lease_s, probe=self.probes)

    def states(self, runs: Iterable[Run], *, outcomes: bool = False) -> dict[str, str]:
        """Return the state of each run that is not new: done, running, failed or resumable.

        With `outcomes`, results are opened to tell diverged and corrupt runs from those that are done.
        """
        there = self.layout.trajectory_ids()
        runs, packed = list(runs), self.packs.runs
        open_ones = {run.trajectory for run in runs if run.id not in packed and run.trajectory in there}
        known = self._looks(open_ones)
        states: dict[str, str] = {}
        done_epochs = self._done_epochs(runs, known)
        for run in runs:
            if run.id in packed:
                states[run.id] = packed[run.id].outcome if outcomes else RunState.DONE
            elif run.trajectory in known:
                state = run_state(run, known[run.trajectory], done_epochs.get(run.trajectory, -1))
                if state is not None:
                    states[run.id] = self._outcome(run) if outcomes and state is RunState.DONE else state
        return states

    def _looks(self, trajectory_ids: set[str]) -> dict[str, StoredTrajectory]:
        names = self.layout.names_of(trajectory_ids)
        return {
            one: StoredTrajectory.look(self.folder(one), self.lease_s, probe=self.probes, names=names[one])
            for one in trajectory_ids
        }

    def _done_epochs(self, runs: list[Run], known: dict[str, StoredTrajectory]) -> dict[str, int]:
        """Return, for each of the trajectories, the largest `epochs` of its done runs."""
        most: dict[str, int] = {}
        for run in runs:
            if run.trajectory in known and run.id in known[run.trajectory].done:
                most[run.trajectory] = max(most.get(run.trajectory, 0), epochs_of(run.params) or 0)
        return most

    def _outcome(self, run: Run) -> str:
        try:
            return read_result(self.folder(run.trajectory), run.id, with_arrays=False).outcome
        except NewerFormatError:
            return RunState.NEWER
        except StoreError:
            return RunState.CORRUPT

    def result(self, run: Run) -> Result:
        """Read the result of a run, and check that no parameter had another value then; some may be new since."""
        result = read_result(self.folder(run.trajectory), run.id)
        now = run.params
        others = [name for name, value in result.params.items() if name in now and now[name] != value]
        if others or result.seed != run.seed:
            raise StoreError(
                f"{self.folder(run.trajectory).result(run.id)}: holds other parameters than run {short_id(run.id)} has "
                "now (was a default of the job changed?); expected the same"
            )
        return result

    def summary(self, run: Run) -> Result:
        """Read the result of a run without its history and arrays."""
        return read_result(self.folder(run.trajectory), run.id, with_arrays=False)

    def headline(self, run: Run) -> Headline:
        """Return what a list of states shows of a finished run; if it is packed, its result is not opened."""
        if run.id in self.packs.runs:
            return self.packs.headline(run.id)
        result = self.summary(run)
        return Headline(result.epoch, result.metrics, result.facts.get("began_where"))

    def results(self) -> Iterator[Result]:
        """Yield every result in the store, in the order of their ids."""
        for trajectory_id, run_id in self.result_ids():
            yield read_result(self.folder(trajectory_id), run_id)

    def result_ids(self) -> list[tuple[str, str]]:
        """Return (trajectory id, run id) of every result in the store, sorted."""
        loose = {
            match[1]: trajectory_id
            for trajectory_id, names in self.layout.loose_names().items()
            for name in names
            if (match := RESULT.fullmatch(name))
        }
        packed = {run_id: run.trajectory for run_id, run in self.packs.runs.items()}
        return sorted((trajectory_id, run_id) for run_id, trajectory_id in {**loose, **packed}.items())

    def known_run_ids(self) -> dict[str, str]:
        """Return {run id: trajectory id} of every run that ended, or that a submission in the store names."""
        known = {run_id: trajectory_id for trajectory_id, run_id in self.result_ids()}
        for manifest in self.manifests():
            for trajectory in manifest.trajectories:
                known.update((run.id, trajectory.id) for run in trajectory.runs)
        return known

    def find_run(self, prefix: str) -> tuple[str, str]:
        """Return (trajectory id, run id) of the one run, finished or begun, whose id begins with `prefix`.

        NothingSelectedError if there is none, or more than one.
        """
        known = self.known_run_ids()
        found = sorted(run_id for run_id in known if run_id.startswith(prefix.lower()))
        if len(found) == 1:
            return known[found[0]], found[0]
        if not found:
            raise NothingSelectedError(
                f'no run in {self.root} has an id that begins with "{prefix}"; list them: hpcsweep plan SWEEP --all'
            )
        some = ", ".join(run_id[: max(SHORT_ID_LENGTH, len(prefix) + 4)] for run_id in found[:4])
        raise NothingSelectedError(
            f'{len(found)} runs have ids that begin with "{prefix}" ({some} ...); give more digits'
        )

    def manifests(self) -> Iterator[Manifest]:
        """Yield what the submissions that are still in the store asked for, sweep by sweep, the oldest first.

        With [suggest], that is all rounds that are decided by now. A manifest that cannot be read, such as one of a
        later release, is named and left out: finished runs do not need it.
        """
        for sweep in self.layout.sweep_names():
            for submission in self.layout.submissions(sweep):
                try:
                    yield self._with_rounds(read_manifest(submission.manifest))
                except StoreError as error:
                    self._warn(f"{error}; the runs that it alone names are left out")

    def _with_rounds(self, manifest: Manifest) -> Manifest:
        if not manifest.settings.suggest:
            return manifest
        named = {one.id: one for one in manifest.trajectories}
        for one in Search.of(manifest.settings.suggest).trajectories(self.decided):
            named.setdefault(one.id, ManifestTrajectory.of(one))
        return replace(manifest, trajectories=tuple(named.values()))

    def _warn(self, what: str) -> None:
        """Warn, once each, of what is left out: one record that cannot be read keeps nobody from the others."""
        if what not in self._warned:
            self._warned.add(what)
            _LOG.warning("%s", printable(what))

    def failure(self, trajectory_id: str) -> Failure | None:
        """Return how the newest attempt at a trajectory failed; None if it did not fail."""
        generation = self.look(trajectory_id).failed_generation
        return read_failure(self.folder(trajectory_id), generation) if generation else None

    def progress(self, trajectory_id: str) -> dict[str, Any] | None:
        """Return the latest `epoch`, `metrics` and `epochs` of a trajectory that is being trained, None if unknown."""
        try:
            return read_record(self.folder(trajectory_id).progress)
        except OSError:
            return None

    def log_paths(self, trajectory_id: str) -> list[Path]:
        """Return what the attempts at a trajectory printed, oldest attempt first."""
        folder = self.folder(trajectory_id)
        matches = [match for name in folder.names() if (match := LOG.fullmatch(name))]
        return [folder.path / match[0] for match in sorted(matches, key=lambda match: int(match[1]))]

    def is_claimed(self, trajectory_id: str) -> bool:
        """Whether somebody is, or may be, training a trajectory now."""
        return self.look(trajectory_id).life is not Life.DEAD

    def owner_at_work(self, trajectory_id: str) -> dict[str, Any]:
        """Return what the worker that trains a trajectory now has said of itself; empty if nobody does."""
        seen = self.look(trajectory_id)
        return read_owner(seen.folder, seen.generation) if seen.alive else {}

    def silent_owner(self, trajectory_id: str) -> str:
        """Say who may still train a trajectory although its claim looks dead or wrong from here; empty if nobody."""
        seen = self.look(trajectory_id)
        if seen.life is not Life.UNKNOWN:
            return ""
        owner = owner_in_words(seen.folder, seen.generation)
        return f"claimed by {owner}, which may still train it: the next worker will find out"

    def decide(self, key: str, propose: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the decision for `key`. Whoever asks first makes it with `propose`, and all others follow it.

        One that was MADE_FROM results leaves the store with any of them; in place of their trajectories it may name the
        key of a decision that lists them.
        """
        if self._foreseen is not None:
            return self.decided(key) or self._foreseen.setdefault(key, propose())
        self.create()
        while (known := self.decided(key)) is None:
            write_decision(self.layout, key, propose())
        return known

    def decided(self, key: str) -> dict[str, Any] | None:
        """Return the decision for `key`, None if it was not made; StoreError if it is damaged."""
        return (self._foreseen or {}).get(key) or read_decision(self.layout, key)

    def run_ids(self, submission: SubmissionFolder) -> set[str]:
        """Return the ids of all runs that the sweep had then; none, with a warning, if they cannot be read."""
        try:
            return read_run_ids(submission)
        except StoreError as error:
            self._warn(f"{error}; which runs the sweep had is not known")
            return set()

    def _read_format(self) -> int:
        path = self.layout.format
        try:
            record = read_record(path, FORMAT)
            if "format" not in record:
                raise StoreError(f"{path}: damaged: found no format; choose another store with --store")
            return int(record["format"])
        except (FileNotFoundError, NotADirectoryError):
            return FORMAT
        except StoreError:
            raise
        except OSError as error:
            raise StoreError(f"the store {self.root} cannot be read: {error.strerror}") from error
