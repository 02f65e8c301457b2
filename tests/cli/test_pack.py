"""`hpcsweep pack`: every verb says of a packed store what it said of the loose one, and training goes on."""

from __future__ import annotations

import shutil

import pytest

from hpcsweep.launch.merge import merge
from hpcsweep.launch.pack import pack
from hpcsweep.store import Store
from tests.conftest import Study
from tests.store.test_fuzz import main_quietly

JOB = """
def walk(run, *, step: float, epochs: int):
    state = run.restore() or {"epoch": 0}
    run.record(began_at=state["epoch"])
    print("begin", step, epochs)
    for epoch in range(state["epoch"] + 1, epochs + 1):
        run.log(epoch=epoch, loss=step / epoch)
        run.checkpoint({"epoch": epoch})
    if step > 0.25:
        raise ValueError("too far")
    (run.folder / "kept.txt").write_text("kept")
    return {"late": float("nan") if step > 0.15 else step}
"""
SWEEP = 'name = "walk"\njob = "jobs/walk.py:walk"\n[grid]\nstep = [0.1, 0.2, 0.3]\nepochs = {epochs}\n'


@pytest.fixture
def walked(study: Study) -> Study:
    """A study with runs that are done and runs that failed."""
    study.job("walk", JOB)
    sweep = study.sweep("walk", SWEEP.format(epochs=[1, 3]))
    assert study.run("run", "-q", sweep, "--workers", "1").returncode == 1
    return study


VERBS = (
    ("status", "sweeps/walk.toml"), ("status", "sweeps/walk.toml", "--json"), ("plan", "sweeps/walk.toml", "--json"),
    ("table", "sweeps/walk.toml", "--format", "json"), ("table", "results", "--format", "csv"),
    ("show", "RUN", "--json"), ("show", "FAILED"), ("logs", "RUN"), ("logs", "FAILED"), ("files", "RUN"),
    ("diff", "RUN", "OTHER"), ("diff", "--code", "sweeps/walk.toml"), ("verify", "sweeps/walk.toml", "--no-train"),
    ("export", "results", "--out", "out", "--csv"), ("clean", "--dry-run"),
)  # fmt: skip


def _answers(study: Study, capfd: pytest.CaptureFixture[str]) -> dict[tuple[str, ...], tuple[int, str, str]]:
    """Return what each reading verb says: its exit code and both its outputs."""
    done = [run_id for _, run_id in Store(study.store).result_ids()]
    failed = set(Store(study.store).known_run_ids()) - set(done)
    names = {"RUN": done[0], "OTHER": done[1], "FAILED": min(failed)}
    said: dict[tuple[str, ...], tuple[int, str, str]] = {}
    for verb in VERBS:
        shutil.rmtree(study.store / "cache", ignore_errors=True)
        code = main_quietly([names.get(word, word) for word in verb])
        assert code in (0, 1), capfd.readouterr()
        said[verb] = code, *capfd.readouterr()
    exported = [(study.root / "out" / f"{name}.csv").read_text() for name in ("runs", "history")]
    return {**said, ("exported",): (0, exported[0], exported[1])}


def test_every_verb_says_the_same(
    walked: Study, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loose, packed, and packed without its index, a store gives the same answers, to the letter."""
    monkeypatch.chdir(walked.root)
    capfd.readouterr()
    loose = _answers(walked, capfd)
    pack(walked.store)
    merge(walked.store, store=walked.root / "other")
    assert _answers(walked, capfd) == loose
    for index in (walked.store / "packs").glob("pack-*.json"):
        index.unlink()
    assert _answers(walked, capfd) == loose
    assert list(Store(walked.root / "other").result_ids()) == list(Store(walked.store).result_ids())


def test_a_longer_training_goes_on_from_a_pack(walked: Study) -> None:
    """More epochs begin at the packed checkpoint, have every epoch once, and are packed beside the first."""
    pack(walked.store)
    longer = walked.sweep("walk", SWEEP.format(epochs=[1, 3, 6]).replace(", 0.3]", "]"))
    ended = walked.run("run", "-q", longer, "--workers", "2")
    assert ended.returncode == 0, ended.stderr
    for _ in range(2):
        store = Store(walked.store)
        results = [result for result in store.results() if result.epoch == 6]
        assert [result.facts["began_at"] for result in results] == [3, 3]
        assert all(list(result.history["epoch"]) == [1, 2, 3, 4, 5, 6] for result in results)
        assert all([one["generation"] for one in result.facts["attempts"]] == [1, 2] for result in results)
        pack(walked.store)


def test_what_is_packed_is_trained_again_when_asked(walked: Study) -> None:
    """--retrain puts packed results of other code aside, where they stay what they are, and trains anew."""
    pack(walked.store)
    walked.job("walk", JOB.replace("step / epoch", "2 * step / epoch"))
    assert walked.run("run", "-q", "sweeps/walk.toml").returncode == 2
    walked.run("run", "-q", "sweeps/walk.toml", "--retrain")
    [aside] = (walked.store / "aside").iterdir()
    assert {result.history["loss"][0] for result in Store(aside).results()} == {0.1, 0.2}
    assert {result.history["loss"][0] for result in Store(walked.store).results()} == {0.2, 0.4}
