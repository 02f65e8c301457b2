from __future__ import annotations

import keras
import pytest

from hpcsweep.training import decision, fit, seed_everything
from hpcsweep.training.program import NotCompilableError
from tests.training import nets
from tests.training.test_runs import DATA, outcome, train


def test_a_short_run_is_not_worth_xla():
    """`auto` compiles without XLA where a run has too few steps to pay for more, and says so."""
    run = train(nets.dense, 2, engine="auto")
    assert run.facts["engine"] == "compiled"
    assert "too few" in run.facts["engine_reason"]


def test_convolutions_on_a_cpu_never_use_xla(monkeypatch):
    """`auto` does not even try XLA with convolutions on a CPU, however long the run."""
    monkeypatch.setattr(decision, "XLA_PAYS_FROM_STEPS", 0)
    run = train(nets.conv, 1, engine="auto")
    assert run.facts["engine"] == "compiled"
    assert "slower" in run.facts["engine_reason"]


def test_auto_measures_once_and_all_runs_of_the_store_follow(monkeypatch):
    """The engine of an architecture is decided once by measurement; other seeds, rates and resumes follow."""
    monkeypatch.setattr(decision, "XLA_PAYS_FROM_STEPS", 0)
    decisions: dict = {}
    runs = [train(nets.dense, 2, seed=seed, engine="auto", decisions=decisions) for seed in (0, 1)]
    (decided,) = decisions.values()
    assert decided["reason"].startswith("measured: ")
    assert [run.facts["engine"] for run in runs] == [decided["engine"]] * 2
    assert outcome(runs[0]) == outcome(train(nets.dense, 2, engine=decided["engine"]))
    other = {key: {"engine": "fit", "reason": "decided elsewhere"} for key in decisions}
    assert train(nets.dense, 1, engine="auto", decisions=other).facts["engine"] == "fit"


def test_a_resumed_run_keeps_its_engine():
    """A checkpoint's engine is kept, whatever is asked for later: engines differ in the last bits."""
    kept: list[bytes] = []
    train(nets.dense, 2, engine="compiled", checkpoints=kept)
    assert train(nets.dense, 4, engine="fit", checkpoints=kept).facts["engine"] == "compiled"


def test_what_cannot_be_compiled_is_trained_by_fit():
    """Eager models, Keras callbacks and steps that report names of their own are trained by `fit`, with the reason."""

    class Chatty(keras.Sequential):
        def train_step(self, data):
            return {**super().train_step(data), "answer": 42.0}

    def eager() -> keras.Model:
        model = nets.dense()
        model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
        return model

    def chatty() -> keras.Model:
        model = Chatty([keras.Input((8, 8, 1)), nets.L.Flatten(), nets.L.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    assert "run_eagerly" in train(eager, 1, engine="auto").facts["engine_reason"]
    told = train(chatty, 1, engine="auto")
    assert told.facts["engine"] == "fit"
    assert told.history["answer"][-1] == 42
    with pytest.raises(NotCompilableError, match="answer"):
        train(chatty, 1, engine="compiled")
    seen: list[int] = []
    run = nets_run_with_callback(seen)
    assert run.facts["engine"] == "fit"
    assert len(seen) == 2


def nets_run_with_callback(seen: list[int]):
    """Train two epochs with a callback of Keras's."""
    from tests.training.harness import FakeRun

    run = FakeRun(2)
    seed_everything(0)
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    fit(run, nets.dense(), DATA, callbacks=(callback,))
    return run
