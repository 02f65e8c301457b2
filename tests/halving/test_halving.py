"""A sweep with [halving], as users run it: who goes on, what is trained, and what is decided for good."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcsweep.errors import UsageError
from hpcsweep.figures import plot
from hpcsweep.report.answer import doubts_of, values_of
from hpcsweep.results import load
from hpcsweep.store import Store
from tests.conftest import Study, copy_study, make_study

# the loss falls with the epochs, and noise of each seed decides between settings that are close
JOB = """
import random
import time

def train(run, *, rate: float, width: int, pause_s: float = 0.0, epochs: int):
    state = run.restore() or {"epoch": 0, "loss": 1.0}
    for epoch in range(state["epoch"] + 1, epochs + 1):
        if run.should_stop:
            return None
        time.sleep(pause_s)
        noise = random.Random(f"{run.seed} {epoch} {rate} {width}").random()
        state = {"epoch": epoch, "loss": state["loss"] * (0.9 - 0.05 * rate * width) + 0.02 * noise}
        run.log(epoch, loss=state["loss"])
        run.checkpoint(state)
        print("epoch", epoch)
"""
GRID = "[fixed]\npause_s = {pause_s}\n[grid]\nrate = [0.1, 0.2, 0.3]\nwidth = [1, 2, 3]\n"
SWEEP = 'name = "h"\njob = "jobs/j.py:train"\nrepeats = 3\n' + GRID
SWEEP_FILE = "sweeps/h.toml"
HALVING = '[halving]\nmetric = "loss"\nepochs = [1, 3, 9]\nkeep = 0.34\n'


def decisions(store: Path) -> dict[str, Any]:
    """Return what a store has decided, by its questions."""
    records = [json.loads(path.read_text()) for path in (store / "decisions").iterdir()]
    told = [(json.loads(one["key"].removeprefix("halving ")), one["decision"]) for one in records]
    return {f"{key['question']} of {len(made['made_from']) // 3}": made for key, made in told}


def histories(store: Path) -> dict[str, list[float]]:
    """Return the losses of each run."""
    return {one.id: one.history["loss"].tolist() for one in Store(store).results()}


def write(study: Study, more: str = "") -> Path:
    """Write a study with nine settings of three seeds."""
    study.job("j", JOB)
    return study.sweep("h", SWEEP.format(pause_s=0.0) + HALVING + more)


def epochs_trained(store: Path) -> int:
    """Return how many epochs all attempts have trained."""
    return sum(text.count("\nepoch ") for text in map(Path.read_text, store.rglob("log.g*.txt")))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Such a study whose sweep is done."""
    study = make_study(tmp_path_factory.mktemp("done"))
    ran = study.run("run", write(study), "--workers", "2")
    assert ran.returncode == 0, ran.stderr
    return study


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study whose full grid is trained."""
    study = make_study(tmp_path_factory.mktemp("full"))
    study.job("j", JOB)
    grid = SWEEP.format(pause_s=0.0).replace("[grid]", "[grid]\nepochs = [1, 3, 9]")
    ran = study.run("run", study.sweep("full", grid), "--workers", "2")
    assert ran.returncode == 0, ran.stderr
    return study


@pytest.fixture
def copy(done: Study, tmp_path: Path) -> Study:
    """A study of one's own with the same store."""
    return copy_study(done, tmp_path)


def test_only_the_best_of_each_rung_go_on(done: Study) -> None:
    """Of nine settings three are trained to the second rung and one to the last, the best by their means over seeds."""
    made = decisions(done.store)
    assert {question: len(one["go_on"]) for question, one in made.items()} == {"rung 0 of 9": 3, "rung 1 of 3": 1}
    for one in made.values():
        means = {setting: sum(values) / 3 for setting, values in one["values"].items()}
        assert one["ranked"] == sorted(means, key=lambda setting: means[setting])
        assert one["go_on"] == one["ranked"][: len(one["go_on"])]
    lengths = sorted(len(losses) for losses in histories(done.store).values())
    assert lengths == sorted([1] * 27 + [3] * 9 + [9] * 3)


def test_what_goes_on_has_the_numbers_of_the_full_grid(full: Study, done: Study) -> None:
    """To the bit, under the same ids, and no epoch is trained twice."""
    halved, whole = histories(done.store), histories(full.store)
    assert epochs_trained(done.store) == 27 * 1 + 9 * 2 + 3 * 6
    assert halved == {run_id: whole[run_id] for run_id in halved}


@pytest.mark.parametrize("order", ["rounds", "as ready"])
def test_cuts_change_neither_decisions_nor_numbers(study: Study, order: str) -> None:
    """However often it is killed, a sweep in rounds decides the same; as ready, what is decided stands."""
    study.job("j", JOB)
    text = SWEEP.format(pause_s=0.02) + HALVING + f'order = "{order}"\n'
    sweep, whole = study.sweep("h", text), study.root / "whole"
    study.run("run", sweep, "--store", whole)
    chance = random.Random(0)
    seen: dict[str, Any] = {}
    for _ in range(6):
        process = study.start("run", sweep, "--workers", "2")
        time.sleep(1.0 + 2 * chance.random())
        os.killpg(process.pid, chance.choice([signal.SIGKILL, signal.SIGTERM]))
        process.communicate()
        now = decisions(study.store) if (study.store / "decisions").exists() else {}
        assert {question: now[question] for question in seen} == seen
        seen = now
    study.run("run", sweep, "--workers", "2")
    if order == "rounds":
        assert decisions(study.store) == decisions(whole)
        assert histories(study.store) == histories(whole)
    assert len([one for one in histories(study.store).values() if len(one) == 9]) >= 3


def test_to_keep_more_later_adds_to_what_is_trained(copy: Study) -> None:
    """Results stay as they are, and who goes on now continues from the checkpoint of the rung."""
    before = histories(copy.store)
    copy.run("run", copy.sweep("h", SWEEP.format(pause_s=0.0) + HALVING.replace("0.34", "0.7")))
    after = histories(copy.store)
    assert {run_id: after[run_id] for run_id in before} == before
    assert sorted(map(len, after.values())) == sorted([1] * 27 + [3] * 18 + [9] * 12)
    assert epochs_trained(copy.store) == 27 * 1 + 18 * 2 + 12 * 6


def test_of_a_grid_that_is_trained_it_is_decided_all_the_same(full: Study, done: Study) -> None:
    """Nobody trains anything then: who would have gone on is written down as it would have been, and the rest shown."""
    before = histories(full.store)
    said = full.run("run", write(full)).stdout
    assert decisions(full.store) == decisions(done.store)
    assert histories(full.store) == before
    assert "Halving: 63 of the 243 epochs" in said
    assert "8 of the settings that do not go on were trained further by another sweep" in said
    assert len(json.loads(full.run("best", SWEEP_FILE, "--json").stdout)["settings"]) == 9


def test_more_seeds_are_decided_anew(copy: Study) -> None:
    """What three seeds have decided stands for these three; other jobs with the same settings decide for themselves."""
    copy.run("run", copy.sweep("more", (SWEEP.format(pause_s=0.0) + HALVING).replace("repeats = 3", "repeats = 6")))
    copy.job("k", JOB.replace("0.02 * noise", "0.03 * noise"))
    copy.run("run", copy.sweep("other", (SWEEP.format(pause_s=0.0) + HALVING).replace("jobs/j.py", "jobs/k.py")))
    assert len(list((copy.store / "decisions").iterdir())) == 3 * 2
    seeds = {len(values) for made in decisions(copy.store).values() for values in made["values"].values()}
    assert seeds == {3, 6}


def test_results_that_are_put_aside_take_their_decisions_along(study: Study) -> None:
    """What is trained again is decided on again, by its new numbers."""
    sweep = write(study)
    study.run("run", sweep)
    before = decisions(study.store)
    study.job("j", JOB.replace("0.9 - 0.05", "0.5 + 0.05"))  # now less is better
    study.run("run", sweep, "--retrain")
    after = decisions(study.store)
    assert {name: made["made_from"] for name, made in before.items()}.keys() == after.keys()
    assert after["rung 0 of 9"]["go_on"] != before["rung 0 of 9"]["go_on"]
    [aside] = (study.store / "aside").iterdir()
    assert decisions(aside) == before


def test_stopped_runs_are_called_so(done: Study) -> None:
    """A run that nobody will train is stopped, for plan, status and table, and the sweep is done."""
    assert "39 done, 42 stopped" in done.run("plan", SWEEP_FILE).stdout
    assert "39 done, 42 stopped" in done.run("status", SWEEP_FILE).stdout
    shown = done.run("table", SWEEP_FILE).stdout
    assert "42 stopped" in shown
    results = load(done.root / SWEEP_FILE)
    on_page = [doubt["text"] for doubt in doubts_of(results, values_of(results))]
    for line in ("by loss, in rounds: 9 settings to epoch 1, 3 to epoch 3, 1 to epoch 9", "63 of the 243 epochs"):
        assert line in shown
        assert any(line in text for text in on_page)
    assert "resumable" not in shown


PROGRAM = """
import json, os, pathlib, sys

rate, epochs = float(sys.argv[1]), int(sys.argv[2])
kept = pathlib.Path(os.environ["HPCSWEEP_CHECKPOINT"], "state.json")
state = json.loads(kept.read_text()) if kept.exists() else {"epoch": 0, "loss": 1.0}
while state["epoch"] < epochs:
    state = {"epoch": state["epoch"] + 1, "loss": state["loss"] * (1 - rate)}
    print("epoch", state["epoch"])
    with open(os.environ["HPCSWEEP_METRICS"], "a") as file:
        file.write(json.dumps(state) + chr(10))
    kept.write_text(json.dumps(state))
"""


def test_a_command_is_halved_too(study: Study) -> None:
    """A program that goes on from its own files is trained rung by rung, no epoch twice; {epochs} is the rung's."""
    study.job("p", PROGRAM)
    command = 'name = "h"\ncommand = ["python3", "jobs/p.py", "{rate}", "{epochs}"]\n'
    options = "[command_options]\nshares_epochs = true\n[grid]\nrate = [0.1, 0.2, 0.3]\n"
    sweep = study.sweep("h", command + options + HALVING)
    study.run("run", sweep, "--workers", "1")
    assert sorted(len(losses) for losses in histories(study.store).values()) == [1, 1, 1, 3, 9]
    assert epochs_trained(study.store) == 3 + 2 + 6


def test_the_figure_ends_each_curve_at_its_rung(done: Study) -> None:
    """`plot halving` says above each rung how many settings have finished it; a cross ends those that were stopped."""
    (axes,) = plot(done.root / SWEEP_FILE, "halving").axes
    assert [text.get_text() for text in axes.texts] == ["9", "3", "1"]
    ends = [np.asarray(line.get_xdata()).tolist() for line in axes.lines if line.get_marker() == "x"]
    assert sorted(ends) == [[1]] * 6 + [[3]] * 2
    with pytest.raises(UsageError, match=r"has no \[halving\].*hpcsweep plot .* curves"):
        plot(done.sweep("full", SWEEP.format(pause_s=0.0).replace("[grid]", "[grid]\nepochs = [1]")), "halving")


def test_only_the_last_rung_can_be_the_best(done: Study) -> None:
    """Numbers of fewer epochs are told apart from it, but never compared with it."""
    found = json.loads(done.run("best", SWEEP_FILE, "--json").stdout)
    assert found["best"]["epochs"] == 9
    assert {row["epochs"] for row in found["settings"]} == {9}
    starred = [line for line in done.run("table", SWEEP_FILE).stdout.splitlines() if "*" in line and "mean" not in line]
    assert all(line.index("*") > line.rindex("(3)") for line in starred)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SWEEP.replace("[grid]", "[grid]\nepochs = [1]") + HALVING, "halving.epochs: found it also in [grid]"),
        (SWEEP + HALVING.replace("[1, 3, 9]", "[3, 1]"), "halving.epochs: found [3, 1], expected epochs that rise"),
        (SWEEP + HALVING.replace("keep = 0.34\n", ""), "halving.keep: found neither, expected one of keep and top"),
        (SWEEP + HALVING + "top = 3\n", "halving.keep: found both, expected one of keep and top"),
        (SWEEP + HALVING.replace('"loss"', '"abc"'), 'halving.metric: found "abc", expected a metric whose better'),
        (SWEEP + HALVING + "[[exclude]]\nepochs = 9\n", "exclude #1.epochs: found it beside [halving]"),
    ],
)
def test_rungs_that_cannot_be_are_refused(study: Study, text: str, told: str) -> None:
    """In one line, before anything is trained."""
    study.job("j", JOB)
    done = study.run("run", study.sweep("h", text.replace("{pause_s}", "0.0")))
    assert done.returncode == 2
    assert told in done.stderr
    assert not study.store.exists()


def test_a_metric_that_no_run_has_stops_the_sweep(study: Study) -> None:
    """It is known after the first rung; nothing more is trained, and one line says what there is to rank by."""
    study.job("j", JOB)
    sweep = study.sweep("h", SWEEP.format(pause_s=0.0) + HALVING.replace('"loss"', '"val_loss"'))
    done = study.run("run", sweep)
    assert done.returncode == 2
    assert "has no val_loss; expected one of loss" in done.stderr
    assert all(len(losses) == 1 for losses in histories(study.store).values())


def test_a_job_that_shares_no_epochs_is_refused(study: Study) -> None:
    """Its longer runs would begin anew, so there is nothing to go on from."""
    study.job("j", "def train(run, *, rate: float, width: int, pause_s: float = 0.0):\n    return {'loss': rate}\n")
    done = study.run("run", study.sweep("h", SWEEP.format(pause_s=0.0) + HALVING))
    assert done.returncode == 2
    assert "halving: found a job whose longer runs do not go on from shorter ones" in done.stderr


def test_audited_settings_are_trained_to_the_end(copy: Study) -> None:
    """So many of the stopped ones, drawn by their ids, which change nothing of what is decided."""
    before = decisions(copy.store)
    copy.run("run", write(copy, "audit = 2\n"))
    after = decisions(copy.store)
    assert len(after.pop("audit of 8")["go_on"]) == 2
    assert after == before
    assert sum(len(losses) == 9 for losses in histories(copy.store).values()) == 3 * (1 + 2)
