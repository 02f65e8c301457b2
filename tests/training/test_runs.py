from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest

from hpcsweep.data import Data
from hpcsweep.errors import JobError, StoreError, UsageError
from hpcsweep.training import fit, seed_everything
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.state.order import epoch_order
from tests.training import nets
from tests.training.harness import FakeRun, outcome
from tests.training.test_equality import ENGINES

DATA = nets.images()


def train(build: nets.Build, epochs: int, *, seed: int = 0, data: Data = DATA, **settings) -> FakeRun:
    """Do what a worker does for one run: seed, then call a job that builds a fresh model and fits it."""
    run = FakeRun(epochs, seed=seed, **settings)
    seed_everything(seed)
    fit(run, build(), data, batch_size=32)
    return run


@pytest.mark.parametrize("engine", ENGINES)
def test_a_resumed_run_equals_an_undisturbed_one(engine):
    """Stopped again and again and resumed from its checkpoints, a run with dropout ends with the same bits."""
    whole = train(nets.dropout, 12, engine=engine)
    kept: list[bytes] = []
    for stop_after in (0, 1, 1, 2, 0, 1):
        paused = train(nets.dropout, 12, engine=engine, checkpoints=kept, stop_after=stop_after)
        assert "final_weights_sha256" not in paused.facts or paused.history["epoch"][-1] == 12
    resumed = train(nets.dropout, 12, engine=engine, checkpoints=kept)
    assert outcome(resumed) == outcome(whole)


def test_mixed_precision_trains_and_resumes():
    """With Keras's mixed precision, and the loss scale as part of the state, a resumed run ends with the same bits."""
    whole = train(nets.mixed, 8)
    assert whole.history["loss"][-1] < whole.history["loss"][0]
    kept: list[bytes] = []
    for stop_after in (1, 1, 0):
        train(nets.mixed, 8, checkpoints=kept, stop_after=stop_after)
    assert outcome(train(nets.mixed, 8, checkpoints=kept)) == outcome(whole)


@pytest.mark.parametrize("build", [nets.dense, nets.batch_norm, nets.averaged, nets.scheduled])
def test_runs_of_a_trajectory_equal_the_same_runs_alone(build):
    """Each run of a shared trajectory, and one extended later, equals the run trained alone to its epochs."""
    kept: list[bytes] = []
    for epochs in (2, 5, 9):
        assert outcome(train(build, epochs, checkpoints=kept)) == outcome(train(build, epochs))


def test_a_checkpoint_beyond_the_run_is_not_used():
    """A run of fewer epochs than the newest checkpoint holds is trained from a fresh model."""
    kept: list[bytes] = []
    train(nets.dense, 9, checkpoints=kept)
    assert outcome(train(nets.dense, 4, checkpoints=kept)) == outcome(train(nets.dense, 4))


def test_runs_in_a_crowd_equal_runs_alone_in_a_new_process(tmp_path):
    """After other runs of other seeds, rates and shapes in this process, a run equals the same one in a new process."""
    for seed in (1, 2):
        train(nets.dropout, 3, seed=seed)
        train(nets.dense, 2, seed=seed)
    crowded = outcome(train(nets.dropout, 4, seed=9))
    script = (
        "import json, hpcsweep.training; from tests.training import nets; "
        "from tests.training.harness import outcome; from tests.training.test_runs import train; "
        "print(json.dumps(outcome(train(nets.dropout, 4, seed=9))))"
    )
    alone = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=200)
    assert json.loads(alone.stdout) == crowded
    assert alone.stderr == "", "the backend's chatter must not reach the user"


def test_seeds_differ_and_learning_rates_share_a_program():
    """Runs of one architecture share a program whatever their seed and learning rate, and still differ."""
    from hpcsweep.training.programs.cache import shared_programs

    train(nets.dense, 1, seed=1)
    known = len(shared_programs)
    by_rate = [train(nets.at_rate(rate), 2, seed=4) for rate in (0.1, 0.01)]
    assert len(shared_programs) == known
    assert len({run.facts["initial_weights_sha256"] for run in by_rate}) == 1
    assert len({run.facts["final_weights_sha256"] for run in by_rate}) == 2
    assert train(nets.dense, 0, seed=5).facts["initial_weights_sha256"] != by_rate[0].facts["initial_weights_sha256"]


def test_what_differs_in_meaning_shares_no_program():
    """Lambdas and functions of the user's never share a program, for their configuration does not tell them apart."""
    layers = keras.layers

    def with_activation(activation) -> keras.Model:
        return nets.classifier(layers.Flatten(), layers.Dense(8, activation))

    def with_loss(loss) -> keras.Model:
        model = nets.dense()
        model.compile("adam", loss, metrics=["accuracy"])
        return model

    def doubled(y, p):
        return 2 * keras.losses.sparse_categorical_crossentropy(y, p)

    for one, other in (
        (lambda: with_activation(lambda x: x), lambda: with_activation(lambda x: 2 * x)),
        (
            lambda: nets.classifier(layers.Flatten(), layers.Lambda(lambda x: x)),
            lambda: nets.classifier(layers.Flatten(), layers.Lambda(lambda x: -x)),
        ),
        (nets.dense, lambda: with_loss(doubled)),
    ):
        assert train(one, 1).history["loss"] != train(other, 1).history["loss"]


def test_optimizers_that_spare_other_weights_share_no_program():
    """Which weights do not decay, an optimizer's configuration does not say; such runs are not mixed all the same."""

    def decaying(*spared: str) -> keras.Model:
        optimizer = keras.optimizers.AdamW(weight_decay=10.0)
        if spared:
            optimizer.exclude_from_weight_decay(var_names=list(spared))
        return nets.dense(optimizer)

    spared: list[tuple[str, ...]] = [(), ("kernel",), ("kernel", "bias")]
    runs = [train(partial(decaying, *names), 1) for names in spared]
    assert len({run.facts["final_weights_sha256"] for run in runs}) == 3


def test_divergence_ends_a_run_at_its_epoch():
    """A loss that is not finite ends the run at that epoch, the same epoch however epochs are grouped into calls."""

    def wild() -> keras.Model:
        return nets.dense(keras.optimizers.SGD(1e30))

    run = train(wild, 40)
    assert run.diverged
    last = run.history["epoch"][-1]
    assert last < 40
    assert not np.isfinite(run.history["loss"][-1])
    assert np.isfinite(run.history["loss"][:-1]).all()
    assert run.facts["ended_early"] == f"diverged at epoch {last}"
    kept: list[bytes] = []
    for epochs in range(0, 5):
        stepwise = train(wild, epochs, checkpoints=kept)
    assert str(outcome(stepwise)) == str(outcome(run))


def test_divergence_halves_the_learning_rate_and_records_each_attempt():
    """on_divergence starts afresh with half the rate until the loss stays finite, and says where it did not."""
    data = Data(*(nets.curve().x, 1e3 * nets.curve().y, nets.curve().x_val, nets.curve().y_val))

    def steep() -> keras.Model:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(2.0), "mse")
        return model

    run = FakeRun(300, on_divergence={"halve": "learning_rate", "times": 5})
    seed_everything(0)
    fit(run, steep(), data, batch_size=101)
    rates = [attempt["learning_rate"] for attempt in run.facts["divergences"]]
    assert rates == [2.0 / 2**attempt for attempt in range(len(rates))]
    assert len(rates) in (2, 3)
    assert not run.diverged
    assert run.history["epoch"] == list(range(301))


def test_early_stopping_follows_its_rule_and_can_be_resumed():
    """Training stops when the metric has not gained for `patience` epochs, interrupted or not."""
    rule = {"metric": "val_loss", "mode": "min", "patience": 2, "min_delta": 0.05}
    whole = train(nets.dense, 60, stop=rule)
    kept: list[bytes] = []
    for stop_after in (1, 1, 1):
        train(nets.dense, 60, stop=rule, checkpoints=kept, stop_after=stop_after)
    assert outcome(train(nets.dense, 60, stop=rule, checkpoints=kept)) == outcome(whole)
    losses, best, waited = whole.history["val_loss"][1:], np.inf, 0
    assert len(losses) < 60
    for loss in losses:
        best, waited = (loss, 0) if loss < best - 0.05 else (best, waited + 1)
    assert waited == 2


def test_unknown_stop_metric_is_named():
    """A stop rule over a metric that the model lacks is refused, with the nearest right name."""
    with pytest.raises(JobError, match='did you mean "val_accuracy"'):
        train(nets.dense, 3, stop={"metric": "val_acuracy", "mode": "max", "patience": 2})


def test_models_that_are_not_fresh_are_refused():
    """A model built before the run was seeded, or trained before, is refused: runs must not accumulate."""
    seed_everything(0)
    model = nets.dense()
    seed_everything(0)
    with pytest.raises(JobError, match="built before this run was seeded"):
        fit(FakeRun(1), model, DATA)
    seed_everything(0)
    model = nets.dense()
    fit(FakeRun(1), model, DATA)
    with pytest.raises(JobError, match="trained before"):
        fit(FakeRun(1), model, DATA)
    with pytest.raises(JobError, match="not seeded for this run"):
        fit(FakeRun(1, seed=8), nets.dense(), DATA)


@nets.tensorflow_only
@pytest.mark.parametrize("eager", [True, False])
def test_tensorflows_own_random_operations_are_seeded_too(eager):
    """A job that draws from tf.random, in a function it keeps or directly, gets the same numbers in every run."""
    import tensorflow as tf

    kept = tf.function(lambda: tf.random.uniform((3,)))
    draw = (lambda: tf.random.uniform((3,))) if eager else kept
    drawn = []
    for seed in (0, 1, 0, 0):
        train(nets.dense, 1, seed=seed)
        seed_everything(seed)
        drawn.append((draw().numpy().tolist(), draw().numpy().tolist()))
    assert drawn[0] == drawn[2] == drawn[3]
    if eager:  # TensorFlow bakes the seed of the first call into a function that is kept
        assert drawn[1] != drawn[0]


def test_misuse_is_named():
    """What cannot be trained is refused in one line."""
    seed_everything(0)
    with pytest.raises(JobError, match=r"after model\.compile"):
        fit(FakeRun(1), keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), DATA)
    with pytest.raises(UsageError, match="batch_size"):
        fit(FakeRun(1), nets.dense(), DATA, batch_size=0)
    with pytest.raises(UsageError, match="epochs"):
        fit(FakeRun("ten"), nets.dense(), DATA)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match='did you mean "compiled"'):
        fit(FakeRun(1), nets.dense(), DATA, engine="compile")


def test_a_checkpoint_of_another_architecture_is_refused():
    """A job that was changed under its checkpoints is noticed, not trained on with mixed weights."""
    kept: list[bytes] = []
    train(nets.dense, 4, checkpoints=kept, stop_after=1)
    with pytest.raises(StoreError, match="same architecture"):
        train(nets.dropout, 4, checkpoints=kept)


def test_metric_names_do_not_count_up():
    """The second run in a process has the same metric names as the first, also those Keras makes up."""

    def with_auc() -> keras.Model:
        model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")])
        model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.AUC()])
        return model

    data = Data(DATA.x, DATA.y // 2, DATA.x_val, DATA.y_val // 2, classes=("no", "yes"))
    first, second = (train(with_auc, 1, data=data) for _ in range(2))
    assert first.history.keys() == second.history.keys()
    assert "auc" in first.history


def test_orders_are_permutations_that_only_seed_and_epoch_decide():
    """An epoch's order is a permutation, fixed for ever, and differs from seed to seed and from epoch to epoch."""
    for examples in (1, 2, 3, 1000, 65_537):
        order = epoch_order(7, 1, examples)
        assert (np.sort(order) == np.arange(examples)).all()
    assert epoch_order(0, 1, 8).tolist() == GOLDEN
    orders = {tuple(epoch_order(seed, epoch, 50)) for seed in (-1, 0, 1, 2**40) for epoch in (1, 2, 3)}
    assert len(orders) == 12
    places = np.stack([epoch_order(1, epoch, 10) for epoch in range(4000)])
    counts = np.stack([np.bincount(column, minlength=10) for column in places.T])
    assert ((counts - 400) ** 2 / 400).sum() < 150  # chi-squared with 81 degrees of freedom


def test_many_fresh_runs_do_not_fill_memory():
    """Twenty more runs of a shape that is known take less than a megabyte each: what leaks is tracing."""
    for seed in range(5):
        train(nets.dense, 1, seed=seed)
    before = psutil.Process().memory_info().rss
    for seed in range(20):
        train(nets.dense, 1, seed=seed)
    assert (psutil.Process().memory_info().rss - before) / 20 < 2**20


def test_killed_training_equals_undisturbed_training(tmp_path: Path):
    """SIGKILL at random moments, then resumed: history and weights equal the undisturbed ones bit for bit."""
    killed: tuple[str, ...] = ("batch_norm", "dropout-in-parts", "dense-stacked-in-parts")
    if keras.backend.backend() == "jax":  # single nets are killed there through the command line
        killed = killed[2:]
    command = [sys.executable, "-m", "tests.training.kill_harness", str(tmp_path), "3", *killed]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=580).stdout
    proofs = [json.loads(line) for line in told.splitlines()]
    assert [proof["net"] for proof in proofs] == list(killed)
    assert all(proof["kills"] >= 3 for proof in proofs)
    assert not any(proof["differences"] for proof in proofs)


GOLDEN = [6, 2, 5, 3, 1, 4, 0, 7]


def test_a_run_on_a_gpu_says_what_memory_its_process_took(monkeypatch):
    """The peak is recorded at the end of a finished run, neither of a paused one nor on a CPU."""
    assert "device_memory_gb" not in train(nets.dense, 1).facts
    monkeypatch.setattr(backend(), "device_memory_gb", lambda: 1.5)
    assert train(nets.dense, 1).facts["device_memory_gb"] == 1.5
    assert "device_memory_gb" not in train(nets.dense, 9, stop_after=0).facts
