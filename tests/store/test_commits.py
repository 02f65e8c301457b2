"""Commits: results that are written together count as if each had been written alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsweep import files
from hpcsweep.store import Store
from hpcsweep.store.claims import Claim, describe_owner, try_claim
from hpcsweep.store.commits import Commits, Finished
from hpcsweep.store.packing import ALIKE
from hpcsweep.store.results import files_of, publish_files, read_result
from tests.made_results import make_result


class Worker:
    """A worker that claims made-up runs, and ends them with its own number as their loss."""

    def __init__(self, root: Path, number: int) -> None:
        self.store, self.number = Store(root, lease_s=0.0, probes=True), number  # without a lease all claims look dead
        self.commits = Commits(self.store, at_once=0)

    def claim(self, layers: int) -> Claim | None:
        """Claim a run that has no result, as workers do."""
        result = make_result({"layers": layers})
        owner = {**describe_owner(str(self.number)), "ticket": self.commits.ticket()}
        claim = try_claim(self.store.folder(result.trajectory), owner, 0.0)
        return None if claim is None or result.id in self.store.look(result.trajectory).done else claim

    def end(self, layers: int, claim: Claim) -> None:
        """Hold the result if the claim has a ticket, as that of a short run, or publish it."""
        result = make_result({"layers": layers}, metrics={"loss": float(self.number)})
        written, log = files_of(result, claim.folder, claim.generation), claim.folder.log(claim.generation)
        if claim.ticket is None:
            publish_files(claim.folder, written)
        else:
            log.write_text("printed\n")
            self.commits.hold(Finished(claim, {"meaning.json": b"{}\n"}, written, log))

    def do(self, layers: int) -> Claim:
        """Claim a run and end it."""
        claim = self.claim(layers)
        assert claim is not None
        self.end(layers, claim)
        return claim


def new_store(root: Path) -> Path:
    """Create a store."""
    Store(root).create()
    return root


def losses(root: Path) -> dict[int, float]:
    """Return what a newly opened store says of the runs, each by its number of layers."""
    store = Store(root)
    found = [read_result(store.folder(trajectory), run) for trajectory, run in store.result_ids()]
    return {result.params["layers"]: result.metrics["loss"] for result in found}


def test_a_commit_makes_one_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held shows in nothing until it is committed; then it lies in one pack, for a handful of flushes."""
    worker, flushed = Worker(new_store(tmp_path), 1), list[int]()
    monkeypatch.setattr(os, "fsync", flushed.append)
    claims = [worker.do(layers) for layers in range(50)]
    assert losses(tmp_path) == {}
    worker.commits.commit()
    assert losses(tmp_path) == dict.fromkeys(range(50), 1.0)
    assert len(flushed) <= 4
    assert not any(claim.folder.path.exists() for claim in claims)
    store = Store(tmp_path)
    assert store.look(claims[0].folder.path.name).generation == 1
    assert [store.folder(claims[0].folder.path.name).read(path) for path in store.log_paths(claims[0].folder.path.name)]


def test_who_is_succeeded_can_commit_no_more(tmp_path: Path) -> None:
    """A worker whose claim was taken over publishes what it held one by one: the result of its successor stays."""
    late, successor = Worker(new_store(tmp_path), 1), Worker(tmp_path, 2)
    late.do(0)
    late.do(1)
    successor.do(0)
    late.commits.commit()
    assert losses(tmp_path) == {0: 2.0, 1: 1.0}
    assert Store(tmp_path).packs.ids() == set()


@pytest.mark.parametrize("after", [False, True], ids=["before it has its name", "after"])
def test_a_successor_in_the_middle_of_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    """Whoever takes a run over just before the pack has its name trains it; just after, it finds the result."""
    late, successor, move = Worker(new_store(tmp_path), 1), Worker(tmp_path, 2), files.move
    late.do(0)
    taken: list[Claim | None] = []

    def interrupted(ticket: Path, path: Path) -> None:
        if after:
            move(ticket, path)
        taken.append(successor.claim(0))
        if taken[0] is not None:
            successor.end(0, taken[0])
        if not after:
            move(ticket, path)

    monkeypatch.setattr("hpcsweep.store.pack_files.move", interrupted)
    late.commits.commit()
    assert losses(tmp_path) == {0: 1.0 if after else 2.0}
    assert (taken == [None]) == after


def test_what_ends_after_a_commit_is_not_held(tmp_path: Path) -> None:
    """A run that was in training during a commit is published when it ends: its claim names a ticket that is used."""
    worker = Worker(new_store(tmp_path), 1)
    long = worker.claim(0)
    worker.do(1)
    worker.commits.commit()
    assert long is not None
    worker.end(0, long)
    assert losses(tmp_path) == {0: 1.0, 1: 1.0}


def test_a_commit_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error of the disk all is held still, and the next commit writes it."""
    worker = Worker(new_store(tmp_path), 1)
    worker.do(0)
    fsync: Callable[[int], None] = os.fsync

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        worker.commits.commit()
    monkeypatch.setattr(os, "fsync", fsync)
    worker.commits.commit()
    assert losses(tmp_path) == {0: 1.0}


def test_what_cannot_be_written_is_open_again(tmp_path: Path) -> None:
    """Runs whose results are given up have no result, and anybody may train them at once, whatever the lease."""
    worker = Worker(new_store(tmp_path), 1)
    claim = worker.do(0)
    assert worker.commits.give_up() == 1
    worker.commits.commit()
    assert losses(tmp_path) == {}
    assert try_claim(claim.folder, describe_owner("another"), 60.0) is not None


def test_many_commits_leave_few_packs(tmp_path: Path) -> None:
    """However often a worker commits, a store has few packs."""
    worker = Worker(new_store(tmp_path), 1)
    for layers in range(5 * ALIKE):
        worker.do(layers)
        worker.commits.commit()
    worker.commits.close()
    packs = list(Store(tmp_path).layout.packs.iterdir())
    assert len(packs) <= 2 * (5 + ALIKE)
    assert losses(tmp_path) == dict.fromkeys(range(5 * ALIKE), 1.0)


STEPS = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["claim", "end", "commit"]), st.integers(0, 2)))


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_the_first_result_stays(steps: list[tuple[int, str, int]]) -> None:
    """Two workers that take runs from each other in any order never change a result that somebody could read."""
    with tempfile.TemporaryDirectory() as folder:
        root = new_store(Path(folder) / "store")
        workers, claims = [Worker(root, 0), Worker(root, 1)], dict[tuple[int, int], Claim]()
        seen: dict[int, float] = {}
        for who, what, layers in steps:
            if what == "commit":
                workers[who].commits.commit()
            elif what == "claim":
                claim = workers[who].claim(layers)
                if claim is not None:
                    claims[who, layers] = claim
            elif (who, layers) in claims:
                workers[who].end(layers, claims.pop((who, layers)))
            now = losses(root)
            assert {run: now.get(run) for run in seen} == seen
            seen = now
        for worker in workers:
            worker.commits.commit()
        assert {run: losses(root).get(run) for run in seen} == seen
