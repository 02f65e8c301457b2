"""Keras's callbacks live one life: as in one call of plain `keras.Model.fit`, undisturbed and cut at every epoch."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpcsweep.errors import JobError, UsageError
from hpcsweep.training import fit, seed_everything
from hpcsweep.training.examples import make_examples
from hpcsweep.training.state.variables import weights_sha256
from tests.training import nets
from tests.training.examples.runs import SEED, InOrder, NoteEpoch, Result, same
from tests.training.harness import FakeRun

K = keras.callbacks
DATA = nets.images(60, 20)
EPOCHS, SIZE = 6, 16


class Counting(keras.callbacks.Callback):
    """Notes which hooks are called, in an attribute that checkpoints keep."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append("begin")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(f"+{epoch}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(f"-{epoch}")
        logs["counted"] = float(len(self.calls))

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append("end")


def _of(build: nets.Build, *made: Callable[[Path], Any]) -> tuple[nets.Build, Callable[[Path], list[Any]]]:
    return build, lambda folder: [one(folder) for one in made]


CASES = {
    "EarlyStopping": _of(
        nets.dense, lambda _: K.EarlyStopping("val_loss", patience=3, min_delta=0.1, restore_best_weights=True)
    ),
    "ReduceLROnPlateau": _of(nets.dense, lambda _: K.ReduceLROnPlateau("val_loss", patience=1, min_delta=0.1)),
    "LearningRateScheduler": _of(nets.dense, lambda _: K.LearningRateScheduler(lambda epoch, rate: rate * 0.8)),
    "ModelCheckpoint": _of(
        nets.dense,
        lambda folder: K.ModelCheckpoint(folder / "best.weights.h5", save_weights_only=True, save_best_only=True),
    ),
    "CSVLogger": _of(nets.dense, lambda folder: K.CSVLogger(folder / "log.csv")),
    "TensorBoard": _of(nets.dense, lambda folder: K.TensorBoard(folder / "board", write_graph=False)),
    "TerminateOnNaN": _of(nets.dense, lambda _: K.TerminateOnNaN()),
    "SwapEMAWeights": _of(nets.averaged, lambda _: K.SwapEMAWeights()),
    "LambdaCallback": _of(nets.dense, lambda _: _counting_lambda()),
    "own": _of(nets.dense, lambda _: Counting()),
    "several": _of(nets.dense, lambda _: Counting(), lambda _: K.ReduceLROnPlateau("loss", patience=1, min_delta=1.0)),
}
WITHIN_EPOCHS = {"TensorBoard", "TerminateOnNaN", "SwapEMAWeights"}


def _counting_lambda() -> Any:
    seen: list[int] = []

    def note(epoch: int, logs: Any) -> None:
        seen.append(epoch)
        logs["seen"] = float(len(seen))

    return K.LambdaCallback(on_epoch_end=note)


def alone(name: str, folder: Path) -> tuple[Result, list[Any]]:
    """Train by one call of plain `keras.Model.fit`."""
    build, make = CASES[name]
    seed_everything(SEED)
    model, callbacks = build(), make(folder)
    batches = InOrder(make_examples(DATA.x, DATA.y), SIZE)
    told = [NoteEpoch(batches), *callbacks]
    validation = {"validation_data": (DATA.x_val, DATA.y_val), "validation_batch_size": SIZE}
    history = model.fit(batches, epochs=EPOCHS, callbacks=told, shuffle=False, verbose=0, **validation).history
    return (
        {key: [float(value) for value in column] for key, column in history.items()},
        weights_sha256(model),
    ), callbacks


def ours(name: str, folder: Path, **settings: Any) -> tuple[FakeRun, Result, list[Any]]:
    """Train by one call of `fit`, which may be stopped."""
    build, make = CASES[name]
    run = FakeRun(EPOCHS, seed=SEED, **settings)
    seed_everything(SEED)
    model, callbacks = build(), make(folder)
    fit(run, model, DATA, batch_size=SIZE, callbacks=callbacks)
    columns = {key: column[1:] for key, column in run.history.items() if key not in ("epoch", "seconds")}
    return run, (columns, run.facts.get("final_weights_sha256", "")), callbacks


@pytest.mark.parametrize("name", CASES)
def test_a_callback_lives_one_life(name: str, tmp_path: Path) -> None:
    """History, weights and what a callback has written are those of plain Keras, also if stopped at every epoch."""
    if name == "TensorBoard":
        pytest.importorskip("tensorboard")
    expected, theirs = alone(name, _new(tmp_path / "alone"))
    run, whole, told = ours(name, _new(tmp_path / "whole"))
    assert same(whole, expected)
    assert run.facts["engine"] == ("fit" if name in WITHIN_EPOCHS else "compiled")
    kept: list[bytes] = []
    folder, attempts = _new(tmp_path / "cut"), 0
    cut: Result = ({}, "")
    while not cut[1]:
        _, cut, again = ours(name, folder, checkpoints=kept, stop_after=3)
        attempts += 1
        for logger in (callback for callback in again if isinstance(callback, K.CSVLogger) and not cut[1]):
            logger.csv_file.close()  # as the end of a stopped worker's process does
    assert attempts > 1
    assert same(cut, expected)
    for one, other, third in zip(theirs, told, again, strict=True):
        assert _plain(one) == _plain(other) == _plain(third)
    for written in (tmp_path / "alone").glob("*.csv"):
        texts = [(tmp_path / place / written.name).read_text() for place in ("alone", "whole", "cut")]
        assert texts[0] == texts[1] == texts[2]
        assert [row["epoch"] for row in csv.DictReader(texts[0].splitlines())] == [str(i) for i in range(EPOCHS)]
    for written in (tmp_path / "alone").glob("*.h5"):
        assert all((tmp_path / place / written.name).stat().st_size for place in ("whole", "cut"))


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _plain(callback: Any) -> dict[str, Any]:
    """Return the attributes that are numbers, words and lists of them; no times of day."""
    kinds = (int, float, str, list, type(None))
    timed = (
        "_time",
        "filepath",
        "filename",
        "_dir",
        "steps_per_second",
        "params",
        "best_weights",
        "batch",
        "append_header",
    )
    return {
        name: value
        for name, value in vars(callback).items()
        if isinstance(value, kinds) and not any(word in name for word in timed)
    }


def test_a_longer_run_of_a_trajectory_goes_on_with_the_callbacks(tmp_path: Path) -> None:
    """Epochs 3 and 6 on one trajectory: the callbacks of the longer run are begun once, and see each epoch once."""
    kept: list[bytes] = []
    for epochs in (3, 6):
        run, callback = FakeRun(epochs, checkpoints=kept), Counting()
        seed_everything(0)
        fit(run, nets.dense(), DATA, batch_size=SIZE, callbacks=[callback])
    assert callback.calls == ["begin", *(f"{sign}{epoch}" for epoch in range(6) for sign in "+-"), "end"]
    assert run.history["counted"][1:] == [3.0, 5.0, 7.0, 9.0, 11.0, 13.0]


def test_a_callback_that_ends_training_makes_epochs_a_maximum() -> None:
    """The result says that a callback ended the training, and a longer run of the trajectory ends there too."""
    kept: list[bytes] = []
    for epochs in (20, 40):
        run = FakeRun(epochs, checkpoints=kept)
        seed_everything(0)
        fit(run, nets.dense(), DATA, batch_size=SIZE, callbacks=[K.EarlyStopping("loss", patience=1, min_delta=10.0)])
        assert run.history["epoch"] == [0, 1, 2]
        assert run.facts["ended_early"] == "a callback ended training at epoch 2"


class Writing(keras.callbacks.Callback):
    """Keeps an open file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.file = path.open("w")


def test_what_a_checkpoint_cannot_keep_is_refused_before_training(tmp_path: Path) -> None:
    """An open file is named, and refused before an epoch is trained; with resume = "restart" the run begins anew."""
    run, callback = FakeRun(2), Writing(tmp_path / "log")
    seed_everything(0)
    with pytest.raises(JobError, match=r"Writing\.file is a TextIOWrapper, which cannot be kept"):
        fit(run, nets.dense(), DATA, callbacks=[callback])
    assert len(run.history["epoch"]) <= 1
    kept: list[bytes] = []
    for stop_after in (3, None):
        run = FakeRun(2, checkpoints=kept, stop_after=stop_after)
        seed_everything(0)
        fit(run, nets.dense(), DATA, callbacks=[callback], resume="restart")
    assert (kept, run.history["epoch"], run.facts["resume"]) == ([], [0, 1, 2], "begins anew")
    callback.file.close()


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        (lambda: K.BackupAndRestore("folder"), "BackupAndRestore"),
        (lambda: K.CSVLogger("log.csv", append=True), "append=False"),
        (lambda: "EarlyStopping", "is a str; expected one of keras.callbacks.Callback"),
    ],
)
def test_callbacks_that_cannot_be_honoured_are_refused(callback: Callable[[], Any], words: str) -> None:
    """What would do harm, or is no callback, is refused in words before anything is trained."""
    run = FakeRun(1)
    seed_everything(0)
    with pytest.raises(UsageError, match=words):
        fit(run, nets.dense(), DATA, callbacks=[callback()])
    assert run.history == {"epoch": []}


def test_changed_callbacks_are_noticed() -> None:
    """A run that goes on with other callbacks than its checkpoint was made with is refused."""
    kept: list[bytes] = []
    for callbacks, words in (([Counting()], ""), ([K.TerminateOnNaN()], "made with the callbacks Counting")):
        run = FakeRun(4, checkpoints=kept, stop_after=3 if not words else None, checkpoint_every_s=0.0)
        seed_everything(0)
        if words:
            with pytest.raises(UsageError, match=words):
                fit(run, nets.dense(), DATA, callbacks=callbacks, engine="compiled")
        else:
            fit(run, nets.dense(), DATA, callbacks=callbacks)


def test_best_weights_by_the_stop_rule_are_restored() -> None:
    """`restore_best` leaves the weights of the best epoch, says which that is, and returns that epoch's metrics."""
    rule = {"metric": "val_loss", "patience": 3, "mode": "min", "min_delta": 0.0, "restore_best": True}
    results = []
    for stops in ([None], [3] * 40):
        kept: list[bytes] = []
        for stop_after in stops:
            run = FakeRun(30, seed=1, stop=rule, checkpoints=kept, stop_after=stop_after)
            seed_everything(1)
            model = nets.dense(keras.optimizers.Adam(0.05))
            returned = fit(run, model, DATA, batch_size=SIZE)
            if "final_weights_sha256" in run.facts:
                break
        losses = run.history["val_loss"]
        best = int(np.argmin(losses[1:])) + 1
        assert run.facts["best_epoch"] == best
        assert returned["val_loss"] == losses[best]
        evaluated = model.evaluate(DATA.x_val, DATA.y_val, batch_size=SIZE, verbose=0, return_dict=True)
        assert evaluated["loss"] == losses[best]
        results.append(run.facts["final_weights_sha256"])
    assert results[0] == results[1]
