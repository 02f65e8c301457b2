"""A sweep with [suggest], as users run it: what is asked for, written down once, and trained like any other run."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.store import Store
from hpcsweep.suggest.of_sweep import begin
from hpcsweep.sweep.load import load_sweep
from tests.conftest import Study, copy_study, make_study

pytestmark = pytest.mark.training

JOB = """
import math
import random
import time

def train(run, *, rate: float, width: int, pause_s: float = 0.0, epochs: int = 2):
    state = run.restore() or {"loss": 1.0}
    for epoch in range(run.last_epoch + 1, epochs + 1):
        if run.should_stop:
            return None
        time.sleep(pause_s)
        noise = random.Random(f"{run.seed} {epoch} {rate} {width}").random()
        state = {"loss": (math.log10(rate) + 2) ** 2 + abs(width - 6) + 0.1 * noise}
        if width == 1:
            state["loss"] = float("nan")
        run.log(epoch, loss=state["loss"])
        run.checkpoint(state)
"""
SWEEP = """
name = "s"
job = "jobs/j.py:train"
repeats = 2
[fixed]
pause_s = {pause_s}
[suggest]
metric = "loss"
trials = {trials}
per_round = 4
[suggest.space]
rate = {{ low = 1e-4, high = 1.0, log = true }}
width = {{ low = 1, high = 8 }}
"""


def write(study: Study, *, pause_s: float = 0.0, trials: int = 12, more: str = "") -> Path:
    """Write the study's job and sweep file."""
    study.job("j", JOB)
    return study.sweep("s", SWEEP.format(pause_s=pause_s, trials=trials) + more)


def decisions(store: Path, section: str = "suggest") -> list[dict[str, Any]]:
    """Return what a section has decided in a store, round by round."""
    records = [json.loads(path.read_text()) for path in (store / "decisions").glob("*.json")]
    made = [one["decision"] for one in records if one["key"].startswith(section)]
    return sorted(made, key=lambda one: len(one.get("tried", ())))


def histories(store: Path) -> dict[str, str]:
    """Return the losses of each run, as texts: NaN is no number that equals itself."""
    return {one.id: repr(one.history["loss"].tolist()) for one in Store(store).results()}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study whose sweep of twelve points in three rounds is done."""
    study = make_study(tmp_path_factory.mktemp("done"))
    ran = study.run("run", write(study), "--workers", "2")
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    return study


@pytest.fixture
def copy(done: Study, tmp_path: Path) -> Study:
    """A study of one's own with the same store."""
    return copy_study(done, tmp_path)


def test_each_round_is_made_from_the_results_of_those_before(done: Study) -> None:
    """A decision has its points, the mean of every setting over its seeds, and the release that was asked."""
    first, second, third = decisions(done.store)
    assert [len(one["points"]) for one in (first, second, third)] == [4, 4, 4]
    assert [len(one["tried"]) for one in (first, second, third)] == [0, 4, 8]
    assert [one["point"] for one in third["tried"]] == first["points"] + second["points"]
    results = list(Store(done.store).results())
    assert len(results) == 12 * 2
    for tried in third["tried"]:
        own = [one.metrics["loss"] for one in results if tried["point"].items() <= one.params.items()]
        assert tried["means"] == ({} if tried["outcome"] == "lost" else {"2": sum(own) / 2})
    assert "lost" in {tried["outcome"] for tried in third["tried"]} or all(
        one["point"]["width"] > 1 for one in third["tried"]
    )
    assert set(first["library"]) == {"optuna", "numpy"}


def test_all_verbs_know_the_runs_of_decided_rounds(done: Study) -> None:
    """They are runs like any others, by ids, in plan, status, table and best; no suggested point occurs twice."""
    sweep = "sweeps/s.toml"
    planned = json.loads(done.run("plan", sweep, "--json").stdout)
    ids = {run["id"] for run in planned["runs"]}
    assert len(ids) == 24
    assert ids == set(histories(done.store))
    assert {run["id"] for run in json.loads(done.run("status", sweep, "--json").stdout)["runs"]} == ids
    assert "12 of 12 points in 3 rounds, 12 of them ended" in done.run("status", sweep).stdout
    assert len({json.dumps(run["params"]) for run in planned["runs"]}) == 12
    best = json.loads(done.run("best", sweep, "--json").stdout)
    assert best["best"]["width"] in range(2, 9)


def test_the_same_file_and_store_ask_for_nothing_again(copy: Study) -> None:
    """A sweep that is done stays as it is, also where Optuna is not installed."""
    before = decisions(copy.store)
    again = copy.run("run", "sweeps/s.toml", env={"PYTHONPATH": copy.path_without("optuna")})
    assert again.returncode == 0, again.stderr
    assert decisions(copy.store) == before


def test_another_store_with_the_same_numbers_gets_the_same_points(done: Study, tmp_path: Path) -> None:
    """Decisions are a function of the file, the results and the release; a lost one is made again as it was."""
    study = copy_study(done, tmp_path)
    shutil.rmtree(study.store / "decisions")
    before = histories(study.store)
    assert study.run("run", "sweeps/s.toml").returncode == 0
    assert decisions(study.store) == decisions(done.store)
    assert histories(study.store) == before


def test_more_trials_later_add_to_those_that_are_done(copy: Study) -> None:
    """Nothing that was decided or trained changes."""
    before, trained = decisions(copy.store), histories(copy.store)
    write(copy, trials=14)
    assert copy.run("run", "sweeps/s.toml").returncode == 0
    assert decisions(copy.store)[:3] == before
    assert [len(one["points"]) for one in decisions(copy.store)] == [4, 4, 4, 2]
    after = histories(copy.store)
    assert len(after) == 28
    assert {run_id: after[run_id] for run_id in trained} == trained


def test_results_that_are_put_aside_are_asked_about_anew(study: Study) -> None:
    """The first points stay, since they were made from no result; what followed them is decided by the new numbers."""
    sweep = write(study, trials=6)
    assert study.run("run", sweep).returncode == 0
    before = decisions(study.store)
    study.job("j", JOB.replace("abs(width - 6)", "abs(width - 3)"))
    assert study.run("run", sweep, "--retrain").returncode == 0
    after = decisions(study.store)
    assert after[0] == before[0]
    assert after[1]["tried"] != before[1]["tried"]
    [aside] = (study.store / "aside").iterdir()
    assert decisions(aside) == before[1:]


def test_cuts_change_neither_points_nor_numbers(done: Study, tmp_path: Path) -> None:
    """However often the command and its workers are killed, the same points are trained, each to the same numbers."""
    study = make_study(tmp_path)
    sweep, whole = write(study, pause_s=0.02), study.root / "whole"
    assert study.run("run", sweep, "--store", whole, "--workers", "2").returncode == 0
    chance = random.Random(0)
    for _ in range(5):
        process = study.start("run", sweep, "--workers", "2")
        time.sleep(1.5 + 2 * chance.random())
        os.killpg(process.pid, chance.choice([signal.SIGKILL, signal.SIGTERM]))
        process.communicate()
    assert study.run("run", sweep, "--workers", "2").returncode == 0
    assert decisions(study.store) == decisions(whole)
    assert histories(study.store) == histories(whole)


def test_without_optuna_nothing_is_trained(study: Study) -> None:
    """One line says what to type, and no store is made."""
    refused = study.run("run", write(study), env={"PYTHONPATH": study.path_without("optuna")})
    assert refused.returncode == 2
    assert "suggest.engine: hidden; expected Optuna" in refused.stderr
    assert "pip install 'hpcsweep[optuna]'" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not study.store.exists()


def test_a_metric_that_no_run_has_stops_the_sweep(study: Study) -> None:
    """It is known after the first round; nothing more is trained, and one line says what there is."""
    study.job("j", JOB)
    text = SWEEP.format(pause_s=0.0, trials=12).replace('"loss"', '"val_loss"')
    refused = study.run("run", study.sweep("s", text))
    assert refused.returncode == 2
    assert "has no val_loss; expected one of loss" in refused.stderr
    assert len(histories(study.store)) == 4 * 2


def test_a_small_space_ends_the_search(study: Study) -> None:
    """Settings that are suggested twice count once; when nothing else comes, the search is over."""
    study.job("j", JOB)
    text = SWEEP.format(pause_s=0.0, trials=12).replace("rate = { low = 1e-4, high = 1.0, log = true }\n", "")
    text = text.replace("[fixed]", "[fixed]\nrate = 0.01").replace("high = 8", "high = 3")
    ran = study.run("run", study.sweep("s", text))
    assert ran.returncode == 0, ran.stderr
    assert sorted({one.params["width"] for one in Store(study.store).results()}) == [1, 2, 3]
    assert "it ended after 3 points" in study.run("plan", "sweeps/s.toml").stdout


HALVING = '[halving]\nmetric = "loss"\nepochs = [1, 2, 4]\nkeep = 0.5\n'


def test_with_halving_each_round_has_rungs_of_its_own(study: Study) -> None:
    """Of four points two go on and then one; the next round is told how far the others came, as stopped."""
    assert study.run("run", write(study, trials=6, more=HALVING)).returncode == 0
    suggested = [one for one in decisions(study.store, "suggest") if one["tried"]]
    assert [len(one["points"]) for one in suggested] == [2]
    tried = {json.dumps(one["point"]): one for one in suggested[0]["tried"] if one["outcome"] != "lost"}
    means: dict[str, dict[str, float]] = {}
    for result in Store(study.store).results():
        point = json.dumps({name: result.params[name] for name in ("rate", "width")})
        if point in tried:
            of_point = means.setdefault(point, {})
            epochs = str(result.params["epochs"])
            of_point[epochs] = of_point.get(epochs, 0.0) + result.metrics["loss"] / 2
    for point, one in tried.items():
        assert one["means"] == pytest.approx(means[point], rel=1e-12)
        assert one["outcome"] == ("done" if "4" in one["means"] else "stopped")
    outcomes = [one["outcome"] for one in suggested[0]["tried"]]
    assert outcomes.count("done") == 1
    assert {len(one["made_from"]) for one in decisions(study.store, "halving")} == {8, 4, 2}
    assert "stopped" in study.run("status", "sweeps/s.toml").stdout


def test_with_halving_plan_predicts_what_the_rungs_take(study: Study) -> None:
    """Of four points two go on and then one, in place of all to the end; points to come are taken to be like them."""
    sweep, store = write(study, trials=6, more=HALVING), Store(study.store)
    store.create()
    assert begin(load_sweep(sweep), store)
    said = study.run("plan", sweep).stdout
    assert "predicted training time 0:00:24 in all" in said  # (4 x 1 + 2 x 1 + 1 x 2 s) x 2 seeds x 6 / 4 points
    assert "; at most 0:00:24 in all, if the dearest settings go on" in said


def test_looking_ahead_writes_nothing(study: Study) -> None:
    """`try` has the first points to choose from, and the store none of them."""
    tried = study.run("try", write(study))
    assert "training run" in tried.stderr
    assert not (study.store / "decisions").exists()
