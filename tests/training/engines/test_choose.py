from __future__ import annotations

import keras
import pytest

from hpcsweep.training import fit, seed_everything
from hpcsweep.training.engines import choose as decision
from hpcsweep.training.engines import measure
from hpcsweep.training.programs.protocol import NotCompilableError
from tests.training import nets
from tests.training.harness import FakeRun, outcome
from tests.training.test_runs import DATA, train


@nets.tensorflow_only
def test_a_short_run_is_not_worth_xla():
    """`auto` compiles without XLA where a run has too few steps to pay for more, and says so."""
    run = train(nets.dense, 2, engine="auto")
    assert run.facts["engine"] == "compiled"
    assert "too few" in run.facts["engine_reason"]


@nets.tensorflow_only
def test_many_short_runs_of_one_shape_are_worth_xla():
    """Short runs that share a program with enough others, so that compiling pays for all, are measured with XLA."""
    run = FakeRun(2, engine="auto", expected_epochs=10_000)  # 7 steps each
    seed_everything(0)
    fit(run, nets.dense(), DATA)
    assert run.facts["engine_reason"].startswith("measured: ")


@nets.tensorflow_only
def test_convolutions_on_a_cpu_never_use_xla(monkeypatch):
    """`auto` does not even try XLA with convolutions on a CPU, however long the run."""
    monkeypatch.setattr(decision, "XLA_PAYS_FROM_STEPS", 0)
    run = train(nets.conv, 1, engine="auto")
    assert run.facts["engine"] == "compiled"
    assert "XLA does not make layers like" in run.facts["engine_reason"]


@nets.tensorflow_only
def test_what_xla_cannot_compile_is_refused_in_words():
    """An engine that was asked for, and cannot train the net, is refused with the reason and not its place."""
    with pytest.raises(NotCompilableError, match=r"^engine compiled-xla: .*MaxPool gradient ops do not yet have"):
        train(nets.conv, 1, engine="compiled-xla")


@nets.tensorflow_only
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


@nets.tensorflow_only
def test_a_release_whose_xla_differs_from_keras_is_not_chosen(monkeypatch):
    """`auto` keeps to `compiled` with a TensorFlow in which XLA has other digits, and who asks for XLA is told."""
    monkeypatch.setattr(decision, "XLA_PAYS_FROM_STEPS", 0)
    monkeypatch.setattr("tensorflow.__version__", "2.19.1")
    chosen, asked = (train(nets.dense, 1, engine=engine).facts for engine in ("auto", "compiled-xla"))
    assert (chosen["engine"], asked["engine"]) == ("compiled", "compiled-xla")
    assert all("with TensorFlow 2.19.1, XLA's last digits" in facts["engine_reason"] for facts in (chosen, asked))


def pretend(monkeypatch, measured_s):
    """Have a step of each engine take so long."""
    monkeypatch.setattr(decision, "measure_steps_s", lambda setup, *engines: [measured_s[one] for one in engines])
    monkeypatch.setattr(decision, "takes_less", lambda setup, engine, limit_s: measured_s[engine] < limit_s)


@nets.tensorflow_only
@pytest.mark.parametrize(
    ("measured_s", "engine"),
    [
        ({"compiled-xla": 2e-3, "compiled": 4e-3}, "compiled-xla"),
        ({"compiled-xla": 2e-3, "compiled": 2.2e-3}, "compiled"),
        ({"compiled-xla": 5e-5}, "compiled-xla"),
    ],
)
def test_xla_is_taken_where_it_gains(monkeypatch, measured_s, engine):
    """XLA must gain more than a little; where its step is shorter than dispatching one, nothing else is traced."""
    monkeypatch.setattr(decision, "XLA_PAYS_FROM_STEPS", 0)
    pretend(monkeypatch, measured_s)
    assert train(nets.dense, 1, engine="auto").facts["engine"] == engine


@pytest.mark.parametrize(("fit_s", "engine"), [(0.010, "fit"), (0.019, "compiled"), (0.030, "compiled")])
def test_long_steps_are_left_to_model_fit_where_it_is_faster(monkeypatch, fit_s, engine):
    """Where a step is so long that model.fit's own work does not matter, it is measured too, and must gain."""
    measured_s = {"compiled": 0.020, "fit": fit_s}
    pretend(monkeypatch, measured_s)
    run = train(nets.conv, 1, engine="auto")
    assert run.facts["engine"] == engine
    assert "model.fit" in run.facts["engine_reason"]


def test_measuring_takes_what_a_call_costs_off_the_steps():
    """The seconds of a step are those by which more batches take longer, so a slow start does not count."""
    now = [0.0]

    def try_batches(count: int) -> None:
        now[0] += 2.0 + 0.01 * count

    trial = measure.Trial(try_batches, lambda: now[0], most_batches=1000)
    trial.choose_batches()
    trial.measure()
    assert trial.step_s == pytest.approx(0.01)
    assert 0.01 * trial.batches >= measure.MEASURED_S


@pytest.mark.parametrize(("call_s", "step_s", "batches"), [(0.001, 0.001, 1), (0.006, 0.001, 3), (0.0, 0.01, 15)])
def test_a_short_step_is_seen_in_few_batches(monkeypatch, call_s, step_s, batches):
    """Whether a step takes less than a limit is asked of one batch, and of more only as long as their call says no."""
    monkeypatch.setattr(measure, "MEASURED_S", 0.1)
    now, tried = [0.0], []

    def try_batches(count: int) -> None:
        tried.append(count)
        now[0] += call_s + step_s * count

    trial = measure.Trial(try_batches, lambda: now[0], most_batches=8)
    assert trial.shows_less_than(0.005) == (step_s < 0.005)
    assert sum(tried) == batches


@nets.jax_only
def test_on_jax_compiled_is_always_xla():
    """`auto` takes the one compiled engine of JAX, and so does who asks for XLA; the record says why."""
    decisions: dict = {}
    run = train(nets.conv, 1, engine="auto", decisions=decisions)
    assert (run.facts["engine"], run.facts["backend"]) == ("compiled", "jax")
    assert "the one compiled engine" in run.facts["engine_reason"]
    assert [key.split("/")[:3] for key in decisions] == [["engine", "jax", "cpu"]]
    asked = train(nets.dense, 1, engine="compiled-xla")
    assert asked.facts["engine"] == "compiled"
    assert "compiled is XLA" in asked.facts["engine_reason"]


def test_a_resumed_run_keeps_its_engine():
    """A checkpoint's engine is kept, whatever is asked for later: engines differ in the last bits."""
    kept: list[bytes] = []
    train(nets.dense, 2, engine="compiled", checkpoints=kept)
    assert train(nets.dense, 4, engine="fit", checkpoints=kept).facts["engine"] == "compiled"


def test_what_cannot_be_compiled_is_trained_by_fit():
    """Eager models, callbacks that act inside epochs and steps that report names of their own are trained by `fit`."""

    class Chatty(keras.Sequential):
        def train_step(self, *given):
            told = super().train_step(*given)
            logs, *state = told if nets.BACKEND == "jax" else (told,)
            chatty = {**logs, "answer": 42.0}
            return (chatty, *state) if state else chatty

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
    within: list[int] = []
    run = nets_run_with_callback(on_train_batch_end=lambda batch, logs: within.append(batch))
    assert (run.facts["engine"], run.facts["engine_reason"]) == ("fit", "a Keras callback acts inside epochs")
    assert within


def test_callbacks_between_epochs_are_compiled():
    """A callback that acts only between epochs is called once per epoch, by the engine that would train without it."""
    seen: list[int] = []
    assert nets_run_with_callback(on_epoch_end=lambda epoch, logs: seen.append(epoch)).facts["engine"] == "compiled"
    assert seen == [0, 1]


def nets_run_with_callback(**hooks):
    """Train two epochs with a callback of Keras's."""
    run = FakeRun(2)
    seed_everything(0)
    fit(run, nets.dense(), DATA, callbacks=(keras.callbacks.LambdaCallback(**hooks),))
    return run
