"""The five studies: their sweeps plan, their recipes work however much is finished, and their claims can fail."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from hpcsweep.data.catalogue import CATALOGUE, IDX_NAMES
from hpcsweep.launch.plan import make_plan
from hpcsweep.sweep.load import load_sweep
from hpcsweep.sweep.runs import Run
from tests.conftest import ENVIRONMENT, REPOSITORY, Study
from tests.data.writing import write_idx

SWEEPS = sorted((REPOSITORY / "sweeps").glob("study*.toml"))
FULL = [path for path in SWEEPS if not path.stem.endswith("_small")]
RECIPES = sorted((REPOSITORY / "analysis").glob("study*.py"))
MOST_SMALL_RUNS = 200
FASHION = Path("/usr/share/datasets/fashion-mnist")


def small_of(path: Path) -> Path:
    """Return the small variant of a sweep."""
    return path.with_name(f"{path.stem}_small.toml")


def run_recipe(recipe: Path, store: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a recipe as users type it."""
    return subprocess.run(
        [sys.executable, str(recipe), *arguments, "--store", str(store), "--out", str(out)],
        env={**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def module_of(path: Path) -> ModuleType:
    """Import a job or a recipe by its path."""
    spec = importlib.util.spec_from_file_location(f"study_file_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", FULL, ids=lambda path: path.stem)
def test_every_sweep_plans_and_has_a_small_variant_of_the_same_question(path: Path) -> None:
    """Full and small vary the same parameters of one job, but for the data; full needs a known download, small none."""
    full, small = load_sweep(path), load_sweep(small_of(path))
    assert full.job.reference == small.job.reference
    assert varying(full.runs) - {"dataset"} == varying(small.runs)
    assert full.name != small.name
    assert len(small.runs) <= MOST_SMALL_RUNS
    assert {run.params.get("dataset", "digits") for run in small.runs} == {"digits"}
    assert {run.params.get("dataset", "mnist") for run in full.runs} <= {*CATALOGUE, "digits"}
    plan = make_plan(full, {}, ())
    assert plan.counts["new"] == len(full.runs)


def varying(runs: Sequence[Run]) -> set[str]:
    """Return the parameters that have several values."""
    return {name for name in runs[0].params if len({str(run.params[name]) for run in runs}) > 1}


def test_no_small_variant_is_alone() -> None:
    """Each small variant belongs to a full sweep."""
    assert {path for path in SWEEPS if path not in FULL} == {small_of(path) for path in FULL}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipes_say_so_where_nothing_is_finished(recipe: Path, tmp_path: Path) -> None:
    """A recipe on an empty store tells how many runs are finished, and ends well."""
    done = run_recipe(recipe, tmp_path / "store", tmp_path / "out", "--small")
    assert done.returncode == 0, done.stderr
    assert ": 0 of " in done.stdout
    assert "Data: " in done.stdout
    assert (tmp_path / "out" / "report.txt").read_text() == done.stdout


def test_a_half_finished_study_has_tables_and_figures(study: Study, tmp_path: Path) -> None:
    """With 4 of its runs finished study 5 prints its table, its sentences and its figures, the animation too."""
    shutil.copy(REPOSITORY / "jobs" / "own_net.py", study.root / "jobs")
    study.sweep(
        "part",
        'name = "part"\njob = "jobs/own_net.py:train"\nrepeats = 1\n'
        "[grid]\nlearning_rate = [0.3, 1.0]\nepochs = [1, 2]\n",
    )
    assert study.run("run", "sweeps/part.toml").returncode == 0
    recipe = REPOSITORY / "analysis" / "study5_own_net.py"
    done = run_recipe(recipe, study.store, tmp_path / "out", "--small")
    assert done.returncode == 0, done.stderr
    assert "4 of 124 runs finished" in done.stdout
    assert "Data: digits (1,438 to train, 359 to test)." in done.stdout
    assert "1. gradient, rate 0.3, epoch 1: 0." in done.stdout
    assert "Left out: experiment 3: none of its runs is finished." in done.stdout
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"rates_and_epochs.png", "rates_and_epochs.gif", "backwards.png", "report.txt"} <= made


def test_a_study_reads_mnist_from_the_data_folder(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of the full variants finds MNIST's files in the folder that HPCSWEEP_DATA names; without, it says so."""
    shutil.copy(REPOSITORY / "jobs" / "own_net.py", study.root / "jobs")
    text = 'name = "full"\njob = "jobs/own_net.py:train"\n[fixed]\ndataset = "mnist"\nhidden = 5\nepochs = 1\n'
    study.sweep("full", text)
    monkeypatch.setitem(ENVIRONMENT, "HPCSWEEP_DATA", str(study.root / "my data"))
    missing = study.run("run", "sweeps/full.toml")
    assert missing.returncode == 1
    assert "hpcsweep data fetch mnist" in study.run("status", "sweeps/full.toml").stdout
    folder = study.root / "my data" / "mnist"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, count in zip(IDX_NAMES, (30, 30, 10, 10), strict=True):
        array = random.integers(0, 256, (count, 28, 28)) if "images" in name else np.arange(count) % 10
        write_idx(folder / name, array.astype(np.uint8))
    done = study.run("run", "sweeps/full.toml", "--failed")
    assert done.returncode == 0, done.stderr


@pytest.mark.training
@pytest.mark.skipif(not FASHION.exists(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_a_row_of_study_3_on_all_of_fashion_mnist(study: Study) -> None:
    """Study 3's base in full, 10 epochs of 60,000 images: with pixels from 0 to 255 it learns far less than scaled."""
    shutil.copy(REPOSITORY / "jobs" / "dense_classifier.py", study.root / "jobs")
    study.sweep(
        "base",
        'name = "base"\njob = "jobs/dense_classifier.py:train"\n[fixed]\ndataset = "fashion-mnist"\nlayers = 2\n'
        "neurons = 8\nepochs = 10\n[across]\nscaled = [false, true]\n"
        '[[expected]]\nvalue = "mean_accuracy"\nwhere = {scaled = true}\nis = 0.8\ntolerance = 0.1\n'
        '[[expected]]\nvalue = "mean_accuracy"\nwhere = {scaled = false}\nis = 0.3\ntolerance = 0.25\n',
    )
    assert study.run("run", "sweeps/base.toml").returncode == 0
    table = study.run("table", "sweeps/base.toml")
    assert table.returncode == 0, table.stdout


def test_the_verdict_of_the_sanity_check(study: Study) -> None:
    """A run that learns its few examples passes, one that cannot fails, and the exit code says whether one failed."""
    study.job(
        "learner",
        "def train(run, *, skill: float, epochs: int = 3):\n"
        "    run.log_many(range(epochs + 1), {'accuracy': [0.1, 0.5, skill, skill]})\n",
    )
    study.sweep("sanity", 'name = "sanity"\njob = "jobs/learner.py:train"\n[grid]\nskill = [1.0, 0.7]\n')
    check = [sys.executable, str(REPOSITORY / "analysis" / "sanity_check.py"), "sweeps/sanity.toml"]
    sanity = partial(
        subprocess.run, cwd=study.root, env=study.environment(), capture_output=True, text=True, check=False
    )
    assert sanity(check).returncode == 3
    assert study.run("run", "sweeps/sanity.toml").returncode == 0
    done = sanity(check)
    verdicts = {line.split()[0]: line.split()[-2:] for line in done.stdout.splitlines()[1:]}
    assert verdicts == {"1.0": ["2", "PASSED"], "0.7": ["<NA>", "FAILED"]}
    assert done.returncode == 1
    assert sanity([*check, "--accuracy", "0.6"]).returncode == 0


def test_a_classifier_of_the_baselines_is_found_by_its_name() -> None:
    """The job takes any classifier of the benchmark with its options, and gives the same score for the same seed."""
    job = module_of(REPOSITORY / "jobs" / "fashion_baseline.py")

    def score(seed: int, **options: int) -> float:
        made = job.train(
            SimpleNamespace(seed=seed), classifier="ExtraTreeClassifier", options=options, dataset="digits"
        )
        return float(made["test_accuracy"])

    assert score(0) == score(0)
    assert score(0) > 0.6 > score(0, max_depth=1)


def test_the_hand_made_net_walks_down_its_squared_error() -> None:
    """One step changes each weight by the learning rate times the slope of half the squared error, measured."""
    net = module_of(REPOSITORY / "jobs" / "own_net.py")
    random = np.random.default_rng(0)
    weights = net.fresh_weights(1, 3, 4, 2)
    x, target = random.uniform(0, 1, (1, 3)), random.uniform(0, 1, (1, 2))

    def error(inward: np.ndarray, outward: np.ndarray) -> float:
        return 0.5 * float(((net.answers({"inward": inward, "outward": outward}, x) - target) ** 2).sum())

    after = net.train_epoch(weights["inward"], weights["outward"], x, target, np.array(1.0), raw=False)
    stepped = {name: values.numpy() for name, values in zip(weights, after, strict=True)}
    for name in weights:
        for place in np.ndindex(weights[name].shape):
            near = {key: values.copy() for key, values in weights.items()}
            near[name][place] += 1e-6
            slope = (error(**near) - error(**weights)) / 1e-6
            assert stepped[name][place] - weights[name][place] == pytest.approx(-slope, abs=1e-5)


def test_the_raw_rule_hands_back_the_errors_themselves() -> None:
    """By the rule "raw error" a hidden node is told the outputs' errors, without the slopes of their sigmoids."""
    net = module_of(REPOSITORY / "jobs" / "own_net.py")
    random = np.random.default_rng(0)
    inward, outward = net.fresh_weights(1, 3, 4, 2).values()
    x, target = random.uniform(0, 1, (1, 3)), random.uniform(0, 1, (1, 2))
    middle = net.sigmoid(x @ inward)
    output = net.sigmoid(middle @ outward)
    error = target - output
    after = net.train_epoch(inward, outward, x, target, np.array(0.3), raw=True)
    np.testing.assert_allclose(after[0], inward + 0.3 * x.T @ (error @ outward.T * middle * (1 - middle)), rtol=1e-12)
    np.testing.assert_allclose(after[1], outward + 0.3 * middle.T @ (error * output * (1 - output)), rtol=1e-12)


def test_asking_backwards_inverts_the_sigmoid() -> None:
    """The inverse of the sigmoid is its inverse, so that images asked for backwards belong to sure answers."""
    net = module_of(REPOSITORY / "jobs" / "own_net.py")
    values = np.linspace(-5, 5, 11)
    np.testing.assert_allclose(net.logit(net.sigmoid(values)), values, atol=1e-9)
    assert np.isfinite(net.sigmoid(np.array([-1e4, 1e4]))).all()
    images = [net.ask_backwards(net.fresh_weights(0, 9, 5, 3), label) for label in range(3)]
    assert all(image.min() == 0 and image.max() == 1 and image.shape == (9,) for image in images)


def test_an_accumulated_model_is_found_by_verify(study: Study) -> None:
    """The job that fits one model again and again gives runs that verify names, the first one excepted."""
    shutil.copy(REPOSITORY / "jobs" / "accumulating_dense.py", study.root / "jobs")
    study.sweep(
        "wrong",
        'name = "wrong"\njob = "jobs/accumulating_dense.py:train"\n'
        "[zip]\nattempt = [1, 2, 3]\nepochs = [1, 1, 1]\n[resources]\nworkers = 1\n",
    )
    assert study.run("run", "sweeps/wrong.toml").returncode == 0
    done = study.run("verify", "sweeps/wrong.toml", "--sample", "0")
    assert done.returncode == 1, done.stdout
    assert done.stdout.count("its model was not a fresh one") == 2
