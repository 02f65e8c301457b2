"""Names of runs: what an id depends on, and that nothing else does."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.sweep.load import Sweep, load_sweep
from hpcsweep.sweep.runs import Naming, group_trajectories, make_runs, run_id, short_id, trajectory_id, without_defaults
from hpcsweep.sweep.space import Axis, Block
from hpcsweep.sweep.value_types import Value
from tests.conftest import ENVIRONMENT

JOB = "jobs/dense.py:train"

scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: repr(number) != "-0.0"),
    st.text(max_size=4),
    st.none(),
)
values = st.one_of(scalars, st.lists(scalars, max_size=3))
names = st.text("abcdeéZ_", min_size=1, max_size=3)
points = st.dictionaries(names, values, min_size=1, max_size=6)


@given(points, points, st.booleans(), st.integers(0, 2**32 - 1))
def test_quick_ids_are_the_documented_ones(
    point: dict[str, Value], defaults: dict[str, Value], shares: bool, seed: int
) -> None:
    """The ids that make_runs puts together from pieces are run_id and trajectory_id of the point less its defaults."""
    point = {**point, "epochs": 10}
    defaults = {name: default for name, default in defaults.items() if name in point}
    block = Block(tuple(Axis((name,), ((value,),)) for name, value in point.items()))
    naming = Naming(JOB, tuple(point), defaults, shares)
    (run,) = make_runs(naming, block, [seed])
    meaning = without_defaults(point, defaults)
    assert run.params == point
    assert run.id == run_id(JOB, seed, meaning)
    if shares:
        meaning.pop("epochs", None)
    assert run.trajectory == trajectory_id(JOB, seed, meaning)


@given(points, st.randoms(use_true_random=False))
def test_key_order_means_nothing(point: dict[str, Value], shuffler: random.Random) -> None:
    """The order in which parameters are given changes no id."""
    shuffled = list(point.items())
    shuffler.shuffle(shuffled)
    assert run_id(JOB, 0, point) == run_id(JOB, 0, dict(shuffled))


@given(points, points, st.integers(0, 3), st.integers(0, 3))
def test_distinct_meanings_have_distinct_ids(
    one: dict[str, Value], other: dict[str, Value], seed: int, other_seed: int
) -> None:
    """Ids are equal only if seed and parameters are, with 1, 1.0 and true kept apart."""
    same = (json.dumps(one, sort_keys=True), seed) == (json.dumps(other, sort_keys=True), other_seed)
    assert (run_id(JOB, seed, one) == run_id(JOB, other_seed, other)) is same


@given(points, names, values)
def test_new_parameter_with_a_default_keeps_ids(point: dict[str, Value], name: str, default: Value) -> None:
    """A run's id is the same before and after its job gets a further parameter with a default."""
    before = {given: value for given, value in point.items() if given != name}
    after = {**before, name: default}
    assert run_id(JOB, 0, without_defaults(after, {name: default})) == run_id(JOB, 0, before)


def test_id_is_the_documented_hash() -> None:
    """The id is the SHA-256 of sorted, unspaced JSON of job, params and seed: fixed numbers, for ever."""
    text = '{"job":"jobs/dense.py:train","params":{"layers":2,"rate":0.001},"seed":7}'
    assert run_id(JOB, 7, {"rate": 0.001, "layers": 2}) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("seed", "params", "expected"),
    [
        (0, {}, "a33fc0bdd0791c9bf8664dc8e5f4b3bf2cacb2440f4a28aabfd925aa4ca793ea"),
        (
            7,
            {"layers": 2, "optimizer": "adagrad", "learning_rate": 1e-05},
            "0eb1c7683d427415ad8496ae5aa88493be09e8c9c0ecc6f66f853dc9ba8ee156",
        ),
        (
            1,
            {"hidden": [8, 8], "note": "é\n", "flag": True, "none": None, "rate": 1.0},
            "0633f292e23ed9c55806291e2c15aa64e7a3d52b23262c53712692275f98e8f4",
        ),
    ],
)
def test_golden_ids(seed: int, params: dict[str, Value], expected: str) -> None:
    """These ids were written down when the format was fixed; a change would orphan every store."""
    assert run_id(JOB, seed, params) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_unnameable_floats_are_refused(value: float) -> None:
    """NaN and infinities have no id."""
    with pytest.raises(ValueError, match="JSON"):
        run_id(JOB, 0, {"rate": value})


STUDY = """
from typing import Literal
def train(run, *, layers: int, optimizer: Literal["adam", "sgd"] = "adam", epochs: int{extra}): ...
"""
SWEEP = """name = "s"
job = "jobs/dense.py:train"
repeats = 2
[grid]
{grid}
[random]
samples = 3
layers = {{low = 1, high = 100}}
"""
GRID = ["epochs = [10, 5]", 'optimizer = ["adam", "sgd"]']


def load(folder: Path, grid: list[str], extra: str = "") -> Sweep:
    """Return a sweep whose grid has these lines, of a job with a further parameter or none."""
    (folder / "jobs").mkdir(exist_ok=True)
    (folder / "jobs" / "dense.py").write_text(STUDY.format(extra=extra))
    (folder / "s.toml").write_text(SWEEP.format(grid="\n".join(grid)))
    return load_sweep(folder / "s.toml")


def test_ids_of_a_file_do_not_depend_on_its_order_or_new_defaults(tmp_path: Path) -> None:
    """Keys in another order, or a new parameter with a default in the job, leave a sweep's ids as they were."""
    ids = {run.id for run in load(tmp_path, GRID).runs}
    assert ids == {run.id for run in load(tmp_path, GRID[::-1], extra=", width: int = 8").runs}
    assert len(ids) == 24


def test_ids_are_the_same_in_every_process(tmp_path: Path) -> None:
    """Processes with different hash seeds and locales name the runs alike."""
    expected = [run.id + run.trajectory for run in load(tmp_path, GRID).runs]
    program = (
        "import sys, pathlib; from hpcsweep.sweep.load import load_sweep;"
        "print(*[run.id + run.trajectory for run in load_sweep(pathlib.Path(sys.argv[1])).runs])"
    )
    for hash_seed in ("0", "12345"):
        environment = {**ENVIRONMENT, "PYTHONHASHSEED": hash_seed, "LC_ALL": "C"}
        command = [sys.executable, "-c", program, str(tmp_path / "s.toml")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.split() == expected


def test_trajectories_gather_runs_that_differ_in_epochs(tmp_path: Path) -> None:
    """Runs that differ only in `epochs` are one trajectory, in increasing epochs, whatever the file's order."""
    sweep = load(tmp_path, GRID)
    trajectories = group_trajectories(sweep.runs, sweep.job.shares_epochs)
    assert len(trajectories) == 12
    assert {trajectory.epochs for trajectory in trajectories} == {(5, 10)}
    for trajectory in trajectories:
        assert list(trajectory.params) == ["layers", "optimizer"]
        assert {run.trajectory for run in trajectory.runs} == {trajectory.id}
        assert {run.seed for run in trajectory.runs} == {trajectory.seed}


def test_trajectory_id_is_no_run_id(tmp_path: Path) -> None:
    """A trajectory never has the id of a run, even where it has one run."""
    runs = load(tmp_path, GRID).runs
    assert not {run.id for run in runs} & {run.trajectory for run in runs}


def test_runs_without_shared_epochs_are_alone() -> None:
    """Where a job shares no epochs, every run is a trajectory of its own and keeps `epochs` in its parameters."""
    block = Block((Axis(("epochs",), ((5,), (10,))), Axis(("layers",), ((2,),))))
    runs = list(make_runs(Naming(JOB, ("layers", "epochs"), {}, False), block, [0]))
    trajectories = group_trajectories(runs, shares_epochs=False)
    assert [trajectory.epochs for trajectory in trajectories] == [(None,), (None,)]
    assert [trajectory.params["epochs"] for trajectory in trajectories] == [5, 10]


def test_short_id_is_the_beginning() -> None:
    """The short id is the first 12 digits."""
    (run,) = make_runs(Naming(JOB, (), {}, False), Block(()), [0])
    assert short_id(run.id) == run.id[:12]
    assert run.params == {}


@pytest.mark.parametrize("rule", ["stop", "on_divergence"])
def test_a_rule_that_changes_the_numbers_changes_the_id(rule: str) -> None:
    """A run that stops early, or begins again when it diverges, is another run; the quick way gives the same ids."""
    rules = {rule: {"metric": "val_loss", "patience": 3}}
    block = Block((Axis(("layers",), ((2,),)),))
    (with_rule,) = make_runs(Naming(JOB, ("layers",), {}, False, rules), block, [0])
    (without,) = make_runs(Naming(JOB, ("layers",), {}, False), block, [0])
    assert with_rule.id == run_id(JOB, 0, {"layers": 2}, rules) != without.id
    assert with_rule.trajectory == trajectory_id(JOB, 0, {"layers": 2}, rules) != without.trajectory


RULED = 'name = "s"\njob = "jobs/dense.py:train"\n[stop]\npatience = 3\n'


@pytest.mark.parametrize(
    ("lines", "in_id"),
    [
        ('metric = "val_accuracy"', {}),
        ('metric = "val_loss"', {}),
        ('metric = "val_accuracy"\n[metrics]\naccuracy = "max"', {}),
        ('metric = "val_accuracy"\nmode = "max"', {"mode": "max"}),
        ('metric = "val_accuracy"\n[metrics]\naccuracy = "min"', {"mode": "min"}),
        ('metric = "val_score"\nmode = "max"', {"mode": "max"}),
        ('metric = "val_score"\n[metrics]\nscore = "max"', {"mode": "max"}),
        ('metric = "val_score"\n[metrics]\nval_score = "min"', {}),
        ('metric = "val_mean_io_u"', {"mode": "max"}),
        ('metric = "val_iou"', {}),
        ('metric = "val_loss"\n[metrics]\ndice = "max"', {}),
    ],
)
def test_a_direction_is_in_the_id_where_it_is_not_what_old_ids_mean(
    tmp_path: Path, lines: str, in_id: dict[str, str]
) -> None:
    """Ids of before [metrics] stay those of the same training; a direction that they do not mean makes another run."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "dense.py").write_text("def train(run):\n    pass\n")
    path = tmp_path / "s.toml"
    path.write_text(RULED + lines + "\n")
    sweep = load_sweep(path)
    assert sweep.stop is not None
    rule = {"metric": sweep.stop.metric, "patience": 3, **in_id}
    assert [run.id for run in sweep.runs] == [run_id(JOB, 0, {}, {"stop": rule})]
    assert sweep.stop.mode in ("max", "min")
