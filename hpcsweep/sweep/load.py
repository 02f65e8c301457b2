"""A sweep: one TOML file, read and checked as a whole, and the runs that it means. Nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from hpcsweep.code.closure import files_of_job
from hpcsweep.errors import JobError, SweepFileError
from hpcsweep.metrics import Direction, better, with_phases
from hpcsweep.sweep.choices import EPOCHS
from hpcsweep.sweep.command_schema import read_command, written_command
from hpcsweep.sweep.equal_values import equal_values
from hpcsweep.sweep.expected import Expectation
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.job import JobSchema, absolute, read_job, split_reference
from hpcsweep.sweep.match_expected import match_expected
from hpcsweep.sweep.match_job import resolve
from hpcsweep.sweep.matching import Excluder
from hpcsweep.sweep.points import Suggest
from hpcsweep.sweep.profile import Profile, load_profile
from hpcsweep.sweep.runs import Naming, Run, collector_paused, make_runs, without
from hpcsweep.sweep.sampling import Draw
from hpcsweep.sweep.search import Decided, Search, Searched, others_of
from hpcsweep.sweep.sections import CommandOptions, Halving, Keep, OnDivergence, Stop, Table, Training
from hpcsweep.sweep.settings import Resources
from hpcsweep.sweep.space import Space, count_runs, expand
from hpcsweep.sweep.toml_problems import Problem, one_line, read_toml, refuse, validate

T = TypeVar("T")
MAX_RUNS = 1_000_000


@dataclass(frozen=True, repr=False)
class Sweep:
    """A checked sweep file and its runs, each once, in the order of the file.

    `path` is the file, `shown` what messages call it (its name as it was given), `root` the study's folder, which holds
    sweeps/ and jobs/. `profile` has the settings of the file's [resources]; `own_profile` is the name of the one that
    the file asks for. `stop` has a `mode`, and `directions` says which way metrics are better, as far as the file says
    so. `expected` is what the file says will come out. `notes` are warnings for people: points that were merged, an
    exclude without effect. With [suggest], `search` says how the runs are found: `within` a store, they are those of
    the rounds that are decided there; a sweep that was just loaded has none.
    """

    name: str
    path: Path
    root: Path
    job: JobSchema
    runs: list[Run]
    profile: Profile
    resources: Resources
    training: Training
    workdir: str
    keep: Keep
    stop: Stop | None
    on_divergence: OnDivergence | None
    halving: Halving | None
    directions: Mapping[str, Direction]
    table: Table | None
    description: str
    notes: list[str]
    shown: str
    own_profile: str
    include: tuple[str, ...] = ()
    command_options: CommandOptions | None = None
    expected: tuple[Expectation, ...] = ()
    search: Search | None = None

    def __repr__(self) -> str:
        return f"<Sweep {self.name}: {len(self.runs)} runs of {self.job.shown}>"

    @property
    def engine(self) -> str:
        """The training loop that the file asks for, "auto" if none."""
        return self.training.engine

    @property
    def ranking(self) -> dict[str, Any] | None:
        """The section [halving] with the `direction` in which its metric is better, None if there is none."""
        if self.halving is None:
            return None
        return {**self.halving.model_dump(), "direction": better(self.halving.metric, self.directions)}

    def within(self, decided: Decided) -> Sweep:
        """Return the sweep with the runs that it has in a store, of which [suggest] makes what is decided there."""
        return self if self.search is None else replace(self, runs=self.search.runs(decided))

    @property
    def most_runs(self) -> int:
        """How many runs there will be at most."""
        return len(self.runs) if self.search is None else self.search.most_runs

    def with_profile(self, name: str) -> Sweep:
        """Return the same sweep with another profile of its study; SweepFileError if there is none of that name."""
        return replace(self, profile=_profile(self.root, name, self.shown).with_resources(self.resources))

    @property
    def data_folder(self) -> Path:
        """Where workers here look for published data: HPCSWEEP_DATA, else the profile's, else the study's data/."""
        return Path(os.environ.get("HPCSWEEP_DATA") or self.profile.data or self.root / "data").expanduser().absolute()

    def code_files(self) -> dict[str, bytes]:
        """Return the files that the job is made of, as they are now, by their paths from the study's folder.

        Raises JobError, one line, if one of them cannot be read or [code] include names nothing.
        """
        try:
            return files_of_job(self.root, self.job.files, self.include)
        except JobError as error:
            raise JobError(one_line(f"{self.shown}: {error}")) from None


def load_sweep(path: str | Path, max_runs: int = MAX_RUNS, profile: str | None = None) -> Sweep:
    """Return the sweep of the file `path`; another `profile` than the file's can be named.

    Raises SweepFileError or JobError, one line that starts with the file's name, at the first fault.
    """
    name, path = str(path), Path(path)
    file = validate(SweepFile, read_toml(path), name)
    root = find_root(path, _own_files(file, name))
    job = _job(root, file, name)
    space, problems = resolve(file, job)
    if problems:
        raise refuse(name, problems)
    _check_size(space, file, max_runs, name)
    used = _profile(root, profile or file.profile, name).with_resources(file.resources)
    naming = Naming(job.reference, job.names, job.defaults, job.shares_epochs, file.rules)
    with collector_paused():
        runs, notes = _runs(without(naming, space.suggest), space)
    if not runs:
        raise refuse(name, [Problem("exclude", "every run excluded", "at least one run left")])
    columns = {one: [run.values[at] for run in runs] for at, one in enumerate(runs[0].names)}
    if problems := equal_values(columns | {one: how.choices for one, how in space.suggest.items() if how.choices}):
        raise refuse(name, problems)
    _check_epochs(job, runs, name)
    search = None if file.suggest is None else _search(file, file.suggest, naming, space, runs)
    directions = with_phases(file.directions, job.phases)
    expected, problems = match_expected(file, job, space, runs, directions)
    if problems:
        raise refuse(name, problems)
    return Sweep(
        name=file.name,
        path=absolute(path),
        root=root,
        job=job,
        runs=[] if search else runs,
        profile=used,
        resources=file.resources,
        training=file.training,
        workdir=file.workdir,
        keep=file.keep,
        stop=file.directed_stop,
        on_divergence=file.on_divergence,
        halving=file.halving,
        directions=directions,
        table=file.table,
        description=file.description,
        notes=notes,
        shown=name,
        own_profile=file.profile,
        include=tuple(file.code.include),
        command_options=file.command_options or (CommandOptions() if file.command is not None else None),
        expected=tuple(expected),
        search=search,
    )


def sweep_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a sweep file, for editors."""
    schema = SweepFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def find_root(path: Path, files: Callable[[Path], Sequence[str]]) -> Path:
    """Return the study's folder: the nearest one above the sweep file in which `files` finds one of the job's files.

    If there is no such folder: the parent of the folder sweeps/ that the file is in. If it is in none: its own folder.
    """
    folder = absolute(path).parent
    for ancestor in (folder, *folder.parents[:-1]):
        if files(ancestor):
            return ancestor
    return folder.parent if folder.name == "sweeps" else folder


def _own_files(file: SweepFile, name: str) -> Callable[[Path], Sequence[str]]:
    """Return what names the job's own files that a folder has."""
    if file.job is None:
        return _refused_in_line(lambda: written_command(file), f"{name}: command").files
    try:
        own, _ = split_reference(file.job)
    except JobError:  # told when the job is read
        return lambda folder: ()
    return lambda folder: [str(path) for path in own if (folder / path).is_file()]


def _job(root: Path, file: SweepFile, name: str) -> JobSchema:
    if file.job is None:
        return _refused_in_line(lambda: read_command(root, file), f"{name}: command")
    reference = file.job
    return _refused_in_line(lambda: read_job(root, reference), f"{name}: job")


def _refused_in_line(read: Callable[[], T], where: str) -> T:
    try:
        return read()
    except JobError as error:
        raise JobError(one_line(f"{where}: {error}")) from None


def _profile(root: Path, profile: str, name: str) -> Profile:
    try:
        return load_profile(root, profile)
    except SweepFileError as error:
        raise SweepFileError(one_line(f"{name}: profile: {error}")) from None


def _check_size(space: Space, file: SweepFile, max_runs: int, name: str) -> None:
    count = count_runs(space) * (file.suggest.trials if file.suggest else 1)
    if count > max_runs:
        expected = f"at most {max_runs:,} (type --max-runs {count} if you mean it)"
        raise refuse(name, [Problem("runs", f"{count:,} of them", expected)])


def _check_epochs(job: JobSchema, runs: Sequence[Run], name: str) -> None:
    if not job.shares_epochs:
        return
    at = runs[0].names.index(EPOCHS)
    fewest = min(run.values[at] for run in runs)  # type: ignore[type-var]  # ints, by the schema
    if fewest < 0:  # type: ignore[operator]
        raise refuse(name, [Problem(EPOCHS, str(fewest), "a number that is not negative")])


def _search(file: SweepFile, asked: Suggest, naming: Naming, space: Space, runs: Sequence[Run]) -> Search:
    return Search(
        metric=asked.metric,
        direction=better(asked.metric, file.directions) or "min",
        sampler=asked.sampler,
        seed=asked.seed,
        trials=asked.trials,
        per_round=asked.per_round,
        space={name: _searched(how) for name, how in space.suggest.items()},
        naming=naming,
        others=others_of(runs, naming.shares_epochs),
    )


def _searched(how: Draw) -> Searched:
    as_float = not how.choices and isinstance(how.kind.accept(int(how.low) if how.whole else how.low), float)
    return Searched(how.choices, how.low, how.high, how.log, how.whole, as_float)


def _runs(naming: Naming, space: Space) -> tuple[list[Run], list[str]]:
    excluder = Excluder(naming.names, space.excludes)
    keep = excluder.keeps if space.excludes else None
    blocks = list(expand(space, naming.defaults))
    runs = [run for block in blocks for run in make_runs(naming, block, space.seeds, keep)]
    if len(blocks) == 1 and blocks[0].is_distinct and len(set(space.seeds)) == len(space.seeds):
        return runs, excluder.notes()
    unique = list({run.id: run for run in runs}.values())
    return unique, [*excluder.notes(), *_merged_notes(len(runs) - len(unique))]


def _merged_notes(merged: int) -> list[str]:
    words = "duplicate run" if merged == 1 else "duplicate runs"
    return [f"merged {merged} {words}: each distinct run is trained once"] if merged else []
