"""`hpcsweep try`: one run for two epochs, killed by force and continued, before a sweep is trained."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import COMMAND, Study

KERAS = """
import keras
from hpcsweep.data import load
from hpcsweep.training import fit

def train(run, *, width: int, epochs: int):
    data = load("digits")
    model = keras.Sequential([keras.layers.Input(data.x.shape[1:]), keras.layers.Flatten(),
                              keras.layers.Dense(width, "relu"), keras.layers.Dropout(0.2), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return fit(run, model, data, epochs=epochs, batch_size=64)
"""
LOOP = """
speed = {"now": 1.0}

def train(run, *, rate: float, momentum: float = 0.5, epochs: int = 50):
    state = run.restore() or {"epoch": 0, "x": 1.0, "speed": 1.0}
    if not state["epoch"]:
        speed["now"] = 1.0
    for epoch in range(state["epoch"] + 1, epochs + 1):
        speed["now"] = SPEED * momentum
        state = {"epoch": epoch, "x": state["x"] - rate * speed["now"] - run.seed, "speed": speed["now"]}
        run.log(epoch=epoch, loss=state["x"])
        if ASKED:
            run.checkpoint(state)
            if run.should_stop:
                return
    return {"final_loss": state["x"]}
"""
FREE = """
def train(run, *, rate: float, depth: int = 1):
    for epoch in range(1, 4):
        run.log(epoch=epoch, loss=rate / epoch)
"""
FAILS = """
def train(run, *, rate: float, epochs: int):
    if rate > WORST:
        raise ValueError("the rate is too large")
    run.log(epoch=epochs, loss=rate)
"""
PROGRAM = """
import json, os, sys, time
from pathlib import Path
rate, epochs = float(sys.argv[1]), int(sys.argv[2])
kept = Path(os.environ["HPCSWEEP_CHECKPOINT"], "state.json")
state = json.loads(kept.read_text()) if kept.exists() else {"epoch": 0, "x": 1.0}
with open(os.environ["HPCSWEEP_METRICS"], "a") as out:
    while state["epoch"] < epochs:
        time.sleep(0.5)
        state = {"epoch": state["epoch"] + 1, "x": state["x"] * (1 - rate)}
        print(json.dumps({"epoch": state["epoch"], "loss": state["x"]}), file=out, flush=True)
        if KEEPS:
            kept.write_text(json.dumps(state))
"""


def _try(study: Study, job: str, *options: str, more: str = "") -> subprocess.CompletedProcess[str]:
    """Try a sweep of `job` over two rates."""
    study.job("tried", job)
    path = study.sweep("tried", f'name = "tried"\njob = "jobs/tried.py:train"\n{more}\n[grid]\nrate = [0.1, 0.2]\n')
    return study.run("try", path, *options)


def _command(study: Study, keeps: bool) -> subprocess.CompletedProcess[str]:
    (study.root / "train.py").write_text(PROGRAM.replace("KEEPS", str(keeps)))
    words = '["python", "train.py", "{rate}", "{epochs}"]'
    text = f'name = "c"\ncommand = {words}\n[grid]\nrate = [0.1, 0.2]\nepochs = [9]\n'
    return study.run("try", study.sweep("c", text))


def test_a_good_keras_job_is_the_same_after_it_was_killed(study: Study) -> None:
    """Time, memory, what is recorded and its origin are said; of the store only a note of the cost is written."""
    study.job("net", KERAS)
    text = 'name = "net"\njob = "jobs/net.py:train"\nrepeats = 2\n[grid]\nwidth = [4]\nepochs = [5, 40]\n'
    ended = study.run("try", study.sweep("net", text), "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads(ended.stdout)
    assert (told["ok"], told["kept_epoch"], told["differences"], told["alike"], told["failed"]) == (True, 1, [], [], {})
    assert told["params"] == {"width": 4, "epochs": 2}
    assert told["history"] == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert 0.1 < told["peak_gb"] < 20
    assert told["sweep_s"] > 80 * told["epoch_s"] / told["workers"] > 0
    assert sorted(path.name for path in study.root.iterdir()) == ["jobs", "results", "sweeps"]
    assert [path.name for path in (study.root / "results").iterdir()] == ["cache"]


def test_hidden_state_is_named_loudly(study: Study) -> None:
    """A loop of its own that forgets what it does not keep gives other numbers after a kill: exit code 1."""
    good = _try(study, LOOP.replace("SPEED", 'state["speed"]').replace("ASKED", "run.checkpoint_due"))
    assert good.returncode == 0, good.stdout
    assert "killed after its checkpoint at epoch 1, it went on from there: identical to the bit" in good.stdout
    bad = _try(study, LOOP.replace("SPEED", 'speed["now"]').replace("ASKED", "run.checkpoint_due"))
    assert bad.returncode == 1
    assert "DIFFERENT: killed after its checkpoint at epoch 1" in bad.stdout
    assert "metric final_loss, history loss" in bad.stdout


def test_a_job_that_keeps_only_where_it_is_asked_to_stop_is_asked(study: Study) -> None:
    """It is asked after its first epoch, and killed as soon as it has kept its state."""
    ended = _try(study, LOOP.replace("SPEED", 'state["speed"]').replace("ASKED", "run.should_stop"))
    assert ended.returncode == 0, ended.stdout
    assert "killed after its checkpoint at epoch 1" in ended.stdout


def test_a_job_without_checkpoints_or_epochs_is_told_so(study: Study) -> None:
    """The whole run is trained, a cut run starts anew, and a seed that changes nothing is named."""
    ended = _try(study, FREE, more='metrics.dice = "max"\ntable.value = ["max_lost"]')
    assert ended.returncode == 0, ended.stdout
    assert "the whole run is trained" in ended.stderr
    assert "a run that is killed starts anew" in ended.stdout
    assert "WARNING: with another seed all numbers of this run stay the same" in ended.stdout
    assert "with another rate" not in ended.stdout
    assert '"dice", which is not among the metrics' in ended.stdout
    assert '"max_lost", which is not among the values (did you mean "max_loss"?)' in ended.stdout


@pytest.mark.parametrize(("worst", "said"), [("0.0", "FAILED: raised: ValueError"), ("0.15", "point with rate=0.2")])
def test_a_failing_job_is_named(study: Study, worst: str, said: str) -> None:
    """The run itself, or only a point beside it, fails: the error is shown, and the exit code is 1."""
    ended = _try(study, FAILS.replace("WORST", worst), more="fixed.epochs = 9")
    assert ended.returncode == 1
    assert said in ended.stdout
    assert "the rate is too large" in ended.stdout
    other = _try(study, FAILS.replace("WORST", "0.15"), "--where", "rate > 0.1", more="fixed.epochs = 9")
    assert "rate=0.2 epochs=2" in other.stdout.splitlines()[0]


def test_a_file_that_cannot_be_imported_is_named(study: Study) -> None:
    """What keeps the job from beginning is said, not only that there is no result."""
    ended = _try(study, "import nowhere_at_all\ndef train(run, *, rate: float): ...\n")
    assert ended.returncode == 1
    assert "No module named 'nowhere_at_all'" in ended.stdout


@pytest.mark.parametrize("keeps", [True, False])
def test_a_command_goes_on_from_its_folder_or_starts_anew(study: Study, keeps: bool) -> None:
    """A program with `epochs` among its words is given two; one that fills $HPCSWEEP_CHECKPOINT goes on from there."""
    ended = _command(study, keeps)
    assert ended.returncode == 0, ended.stdout
    assert "it went on from there: identical to the bit" in ended.stdout if keeps else "starts anew" in ended.stdout
    assert "rate=0.1 epochs=2" in ended.stdout
    assert not (study.root / "results" / "trajectories").exists()


def test_nothing_is_chosen(study: Study) -> None:
    """A run that is not in the sweep is exit code 3, with what to type."""
    ended = _try(study, FREE, "--run", "zz")
    assert (ended.returncode, "hpcsweep plan SWEEP --all" in ended.stderr) == (3, True)


def test_an_interrupted_trial_leaves_nothing(study: Study, tmp_path: Path) -> None:
    """SIGTERM ends the worker and removes the temporary store; what libraries write has a folder that stays."""
    place = tmp_path / "temporary"
    place.mkdir()
    study.job("slow", "import time\ndef train(run, *, rate: float):\n    time.sleep(15)\n")
    path = study.sweep("slow", 'name = "slow"\njob = "jobs/slow.py:train"\n[grid]\nrate = [0.1]\n')
    environment = study.environment() | {"TMPDIR": str(place)}
    began = subprocess.Popen([*COMMAND, "try", str(path)], cwd=study.root, env=environment, stderr=subprocess.PIPE)
    while not list(place.glob("hpcsweep-try-*/trajectories/*/*/claim.g1")):
        time.sleep(0.1)
        assert began.poll() is None
    began.send_signal(signal.SIGTERM)
    began.communicate(timeout=60)
    assert began.returncode == 130
    assert [path.name for path in place.iterdir()] in ([], [f"hpcsweep-{os.geteuid()}"])
