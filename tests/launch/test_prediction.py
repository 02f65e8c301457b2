"""How long a sweep will take: predicted from what was measured, or guessed, and then called a guess."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.launch.prediction import clock
from tests.conftest import Study

JOB = "def train(run, *, rate: float, epochs: int):\n    return {'loss': rate}\n"
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
    assert "measured on 4 runs)" in study.run("plan", path).stdout


def test_other_data_are_no_measurement(study: Study) -> None:
    """What was measured on one data set does not predict another: that is guessed, and said to be."""
    study.job("job", JOB.replace("rate: float", "data: str, rate: float"))
    study.run("run", study.sweep("s", SWEEP + 'data = ["small"]\n'))
    said = study.run("plan", study.sweep("s", SWEEP + 'data = ["small", "large"]\n')).stdout
    assert "predicted training time 0:01:00 in all" in said
    assert "a guess: 1 s per epoch" in said


@given(st.integers(0, 10**7))
def test_a_clock_can_be_read_back(time_s: int) -> None:
    """H:MM:SS is the same number of seconds."""
    hours, minutes, seconds = map(int, clock(time_s).split(":"))
    assert hours * 3600 + minutes * 60 + seconds == time_s
    assert max(minutes, seconds) < 60
