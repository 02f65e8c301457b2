"""Epoch 0: evaluated once for all runs that start with the same weights, and no run notices."""

from __future__ import annotations

from functools import partial

import keras
import pytest

from hpcsweep.training import fit, seed_everything
from hpcsweep.training.loops import epoch_zero
from hpcsweep.training.state.variables import weights_sha256
from tests.training import nets
from tests.training.harness import FakeRun

DATA = nets.images()


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engines of the programs that evaluated a fresh model, one an evaluation; nothing is known at the start."""
    from hpcsweep.training.programs import cache as programs

    monkeypatch.setattr(epoch_zero, "known_rows", type(epoch_zero.known_rows)())
    monkeypatch.setattr(programs, "shared_programs", programs.Programs())
    made: list[str] = []
    get = programs.Programs.get

    def counting(self, *args):
        program = get(self, *args)
        if "evaluate" not in vars(program):
            monkeypatch.setattr(program, "evaluate", partial(noted, program, program.evaluate))
        return program

    def noted(program, evaluate, data):
        made.append(program.engine)
        return evaluate(data)

    monkeypatch.setattr(programs.Programs, "get", counting)
    return made


def train(build, *, seed: int = 0, data=DATA, engine: str = "compiled", batch_size: int = 32):
    """Train one run for two epochs; return its history without times, and the digest of its weights."""
    seed_everything(seed)
    model, run = build(), FakeRun(2, seed=seed, engine=engine)
    fit(run, model, data, batch_size=batch_size)
    return {name: column for name, column in run.history.items() if name != "seconds"}, weights_sha256(model)


def test_runs_that_differ_in_optimizer_and_epochs_only_are_evaluated_once(evaluations):
    """One evaluation serves them all, and every one has its numbers as epoch 0."""
    first, *others = [train(lambda name=name: nets.dense(name))[0] for name in ("adam", "sgd", "rmsprop", "adam")]
    assert evaluations == ["compiled"]
    assert all(other["val_loss"][0] == first["val_loss"][0] for other in others)
    assert others[0]["val_loss"][1] != first["val_loss"][1]


@pytest.mark.parametrize("build", [nets.dense, nets.dropout, nets.batch_norm, nets.functional])
@pytest.mark.parametrize("engine", ["fit", "compiled"])
def test_a_run_does_not_notice_that_another_was_evaluated_for_it(build, engine, evaluations):
    """History and weights are those of the run that evaluated itself, bit for bit."""
    alone = train(build, engine=engine)
    assert train(build, engine=engine) == alone
    assert evaluations == [engine]


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"data": nets.images()},
        {"engine": "fit"},
        {"build": lambda: nets.classifier(keras.layers.Flatten(), keras.layers.Dense(8), keras.layers.Dense(8))},
    ],
    ids=["seed", "data", "engine fit", "net"],
)
def test_other_runs_are_evaluated_themselves(other, evaluations):
    """Other weights, other data (though of the same shape), Keras's own way to evaluate, another function."""
    train(nets.dense)
    train(**{"build": nets.dense, **other})
    assert len(evaluations) == 2


def test_other_losses_and_metrics_are_evaluated_themselves(evaluations):
    """What was asked to be measured belongs to what is shared."""

    def scored(metric: str) -> keras.Model:
        model = nets.dense()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=[metric])
        return model

    histories = [train(lambda name=name: scored(name))[0] for name in ("accuracy", "sparse_categorical_crossentropy")]
    assert len(evaluations) == 2
    assert [len(history) for history in histories] == [5, 5]
    assert "val_accuracy" not in histories[1]


def test_models_of_which_not_all_is_told_are_evaluated_themselves(evaluations):
    """A class of the user's own may do anything; each run of it is evaluated."""
    evaluated = [train(nets.subclass)[0]["loss"][0] for _ in range(2)]
    assert evaluated[0] == evaluated[1]
    assert not epoch_zero.known_rows


def test_only_so_many_rows_are_kept(evaluations, monkeypatch):
    """The oldest are dropped, so a long sweep does not fill the memory."""
    monkeypatch.setattr(epoch_zero, "MOST_KEPT", 2)
    for seed in (0, 1, 2, 0, 2):
        train(nets.dense, seed=seed)
    assert len(evaluations) == 4
    assert [len(rows) for rows in epoch_zero.known_rows.values()] == [2]
