"""Changing a study on purpose: results take the ids that they would have under the job's parameters of today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpcsweep.errors import NothingSelectedError, StoreError, UsageError, to_type
from hpcsweep.files import canonical_json
from hpcsweep.store import Result, Store
from hpcsweep.store.adopt import adopt, made_of
from hpcsweep.store.aside import put_aside
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, tell, words_of_sweep
from hpcsweep.store.results import read_result
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run, short_id


@dataclass(frozen=True)
class Move:
    """One result: its old and new id, and its new parameters."""

    before: Result
    now: Result
    trajectory_params: Mapping[str, Any]

    def in_words(self) -> str:
        """Return what becomes of it."""
        named = " ".join(f"{name}={value}" for name, value in self.now.params.items())
        return f"{short_id(self.before.id)} -> {short_id(self.now.id)}  seed={self.now.seed} {named}"


@dataclass(frozen=True)
class Migration:
    """What `migrate` would do, or did; `aside` is the store that now holds the results under their old ids."""

    moves: Sequence[Move]
    aside: Path | None = None

    def in_words(self) -> list[str]:
        """Return the lines for people."""
        lines = [move.in_words() for move in self.moves]
        if self.aside is None:
            return [
                *lines,
                "An id is a hash of the job, the seed and the parameters that are not at their default. Nothing was "
                "changed; type the same with --yes to do it.",
            ]
        return [*lines, f"The results under their old ids are in {self.aside}; to undo: {to_type('merge', self.aside)}"]


def migrate(
    source: SweepSource,
    *,
    rename: Mapping[str, str] | None = None,
    default: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    store: StoreSource = None,
    do: bool = False,
    say: Say = tell,
) -> Migration:
    """Return which results of a sweep's job take which ids when parameters are renamed, dropped or given a value.

    `rename` is {old: new}. `default` gives results that lack a parameter the value (text, of the annotated type) with
    which they were made; name a parameter there with its old value if its default has changed. Only results that become
    a run of the sweep move. Nothing is changed unless `do`; then the results under their old ids are put aside.
    Raises UsageError for a name that the job does not have, NothingSelectedError if no result would move.
    """
    sweep, opened = open_sweep(source, store=store, say=say)
    change = _Change(sweep, dict(rename or {}), _values(sweep, default or {}), tuple(drop))
    moves = list(_moves(sweep, opened, change))
    if not moves:
        raise NothingSelectedError(
            f"no result of {sweep.job.reference} would become a run of {sweep.shown}; see its runs: "
            f"{to_type('plan', *words_of_sweep(sweep, opened))}"
        )
    if not do:
        return Migration(moves)
    taken = list(dict.fromkeys(move.before.trajectory for move in moves))
    aside = put_aside(opened, taken)
    old = Store(aside)
    for move in moves:
        theirs = old.folder(move.before.trajectory)
        adopt(opened, move.now, move.trajectory_params, made_of(theirs, move.before.id), theirs)
    return Migration(moves, aside)


@dataclass(frozen=True)
class _Change:
    sweep: Sweep
    rename: dict[str, str]
    values: dict[str, Any]
    drop: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in self.rename.values():
            self.sweep.job.parameter(name)  # JobError names the nearest
        for name in (*self.rename, *self.drop):
            if name in self.sweep.job.names:
                raise UsageError(
                    f"found {name} to be renamed or dropped, but the job still has it; expected an old name"
                )

    def params(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters that a result has now, in the job's order."""
        named = {self.rename.get(name, name): value for name, value in before.items() if name not in self.drop}
        named = {**self.values, **named}
        return {name: named[name] for name in self.sweep.job.names if name in named} | {
            name: value for name, value in named.items() if name not in self.sweep.job.names
        }


def _values(sweep: Sweep, texts: Mapping[str, str]) -> dict[str, Any]:
    from ast import literal_eval

    values = {}
    for name, text in texts.items():
        kind = sweep.job.parameter(name).kind
        try:
            value = literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        values[name] = kind.accept(value)
    return values


def _moves(sweep: Sweep, store: Store, change: _Change) -> Iterator[Move]:
    wanted = {_key(run.params, run.seed): run for run in sweep.runs}
    for trajectory_id, run_id in store.result_ids():
        try:
            before = read_result(store.folder(trajectory_id), run_id)
        except StoreError:
            continue
        params = change.params(before.params)
        run = wanted.get(_key(params, before.seed))
        if before.job == sweep.job.reference and run is not None and run.id != before.id:
            yield Move(before, _renamed(before, run), _of_trajectory(sweep, run))


def _renamed(before: Result, run: Run) -> Result:
    facts = {**before.facts, "migrated_from": {"id": before.id, "params": before.params}}
    return replace(before, id=run.id, trajectory=run.trajectory, params=run.params, facts=facts)


def _of_trajectory(sweep: Sweep, run: Run) -> dict[str, Any]:
    return {n: v for n, v in run.params.items() if not (sweep.job.shares_epochs and n == "epochs")}


def _key(params: Mapping[str, Any], seed: int) -> str:
    return canonical_json([dict(params), seed])
