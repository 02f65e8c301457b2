"""How long a sweep will take: predicted from what was measured, or guessed, and then called a guess."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.launch.cost import NOTHING
from hpcsweep.launch.prediction import Prediction, clock
from tests.conftest import Study

JOB = "import time\ndef train(run, *, rate: float, epochs: int):\n    return {'loss': rate}\n"
SLEEPS = "time.sleep(0.2 * epochs)\n    return"
SWEEP = 'name = "s"\njob = "jobs/job.py:train"\n[grid]\nrate = [0.1, 0.2]\nepochs = [10, 30]\n'


def test_without_measurements_the_guess_is_called_one(study: Study) -> None:
    """A plan on an empty store says that its time is a guess; epochs that runs share are counted once."""
    study.job("job", JOB)
    said = study.run("plan", study.sweep("s", SWEEP)).stdout
    assert "predicted training time 0:01:00 in all" in said
    assert "a guess: 1 s per epoch" in said


def test_with_measurements_they_are_used(study: Study) -> None:
    """After some runs of the job, the prediction says on how many it rests."""
    study.job("job", JOB)
    path = study.sweep("s", SWEEP)
    study.run("run", path)
    study.sweep("s", SWEEP.replace("0.2]", "0.2, 0.3]"))
    assert "(from 4 measured runs)" in study.run("plan", path).stdout


def test_where_nothing_is_left_to_train_no_doubt_is_told() -> None:
    """Fewer epochs than a trajectory has been trained for are only read from it: no time, and no doubt about it."""
    nothing = Prediction(training=NOTHING, longest=NOTHING, trajectories=1, measured=3, gpus=0)
    told = nothing.in_words(workers=1)
    assert told.startswith("predicted training time 0:00:00 (0:00:00 to 0:00:00) in all")
    assert "times more or less" not in told


def test_other_data_are_hardly_a_measurement(study: Study) -> None:
    """What was measured on one data set says little of another: the span is ten times as wide and more."""
    study.job("job", JOB.replace("rate: float", "data: str, rate: float").replace("return", SLEEPS))
    study.run("run", study.sweep("s", SWEEP + 'data = ["small"]\n'))
    said = study.run("plan", study.sweep("s", SWEEP + 'data = ["large"]\n')).stdout
    assert "no such run was measured, so it may be" in said
    low_s, likely_s, high_s = _span(said)
    assert low_s * 3 < likely_s < high_s / 3


def test_what_was_tried_is_a_measurement(study: Study) -> None:
    """After `hpcsweep try` the plan rests on what that has measured; the store holds no run."""
    study.job("job", JOB.replace("return", SLEEPS))
    path = study.sweep("s", SWEEP)
    assert study.run("try", path).returncode == 0
    said = study.run("plan", path).stdout
    assert "4 new" in said
    low_s, _, high_s = _span(said)
    assert low_s < 2 * 30 * 0.2 < high_s


def _span(said: str) -> tuple[float, float, float]:
    """Return the seconds of the whole training that a plan says: at least, likely, at most."""
    match = re.search(r"predicted training time (\S+) \((\S+) to (\S+)\) in all", said)
    assert match, said
    parts = [text.split(":") for text in match.groups()]
    likely_s, low_s, high_s = (int(hours) * 3600 + int(minutes) * 60 + int(rest) for hours, minutes, rest in parts)
    return low_s, likely_s, high_s


@given(st.integers(0, 10**7))
def test_a_clock_can_be_read_back(time_s: int) -> None:
    """H:MM:SS is the same number of seconds."""
    hours, minutes, seconds = map(int, clock(time_s).split(":"))
    assert hours * 3600 + minutes * 60 + seconds == time_s
    assert max(minutes, seconds) < 60
