"""`fit`: train one run of a sweep, from a fresh model or from its last checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from hpcsweep.data import Data
from hpcsweep.data.used import TRAINED_ON, note
from hpcsweep.errors import UsageError
from hpcsweep.training.arguments import arrays_given, checked
from hpcsweep.training.examples import first_rows, is_stream, packed
from hpcsweep.training.held_out import on_test_data, require_testable
from hpcsweep.training.loops.arrays import train_arrays
from hpcsweep.training.loops.callbacks import Callbacks
from hpcsweep.training.loops.phases import Book, Phase, book_of
from hpcsweep.training.loops.stream import StreamRun
from hpcsweep.training.loops.streams import Steps, stream_of
from hpcsweep.training.readiness import prepare, require_one_device
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.state.variables import load_state, read_state, weights_sha256

Resume = Literal["exact", "restart", "statistical"]
Outcome = tuple[dict[str, float], bool]
"""The metrics of a training, and whether it has come to its end."""


def fit(
    run: RunHandle,
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    data: Data | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    verbose: Any = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: Any = 1,
    test_data: Any = None,
    engine: str | None = None,
    phase: str | None = None,
    resume: Resume = "exact",
) -> dict[str, float]:
    """Train a freshly built, compiled Keras model, and return the metrics of the last epoch.

    After `run` and `model` the arguments are those of `keras.Model.fit`; in place of `x` there may be a `Data`, which
    holds all of the data. `epochs` counts from the fresh model, whatever earlier attempts have done already (default:
    the run's parameter of that name); `verbose` changes nothing. Every epoch goes into the run's history, epoch 0 being
    the fresh model; checkpoints are made as time passes; where the run was interrupted, or a shorter run of its
    trajectory ended, it goes on as if nothing had happened, bit for bit.

    Arrays, and trees of them, are trained by `engine`: one of "auto", "fit", "compiled", "compiled-xla" (default: what
    the sweep says). What only comes in batches (tf.data.Dataset, PyDataset, generators, torch's DataLoader) is trained
    by one true `model.fit`, and goes on at the end of an epoch. Callbacks are Keras's own, and live one life.

    `phase`: the name of this training, where a job has several, one after the other. `resume`: "exact"; "restart",
    where what a model or callback remembers cannot be kept: an interrupted run begins anew; "statistical", for data in
    batches: a run that goes on sees what comes, instead of first passing over what it saw before.

    The result gets the digests of the initial and final weights and, for classifiers on `Data`, `confusion_matrix`
    [true, predicted] and `per_class_accuracy` on the validation data. Afterwards `model` holds the final weights.
    If a `Data` has a test part, or `test_data` are given (arrays (x, y), or a stream that ends), `test_loss` and so on
    are what the final weights come to on it, evaluated once: those of the last epoch, or of the one that the sweep's
    [stop] chooses by validation data, if it restores the best.
    Raises JobError if the model is not fresh or not compiled, or changes what cannot be kept, UsageError for arguments
    that make no sense.
    """
    how = checked(
        run, epochs=epochs, batch_size=batch_size, shuffle=shuffle, resume=resume, initial_epoch=initial_epoch
    )
    steps = Steps(steps_per_epoch, validation_steps, validation_batch_size, validation_freq)
    given: dict[str, Any] = {"validation_data": validation_data, "class_weight": class_weight}
    require_testable(test_data)
    if data is not None and x is not None:
        raise UsageError("fit: both x and data are given; expected one of them")
    arrays = arrays_given(
        x if data is None else data, y, sample_weight, validation_split, steps, {**given, "test_data": test_data}
    )
    if arrays is not None:
        note(TRAINED_ON, arrays)
    told = Callbacks(callbacks)
    require_one_device(model)
    book = book_of(run)
    book.open(run, phase)
    if book.paused:  # a phase before this one was stopped, and the job is on its way out
        return {}
    part: Any = run if phase is None else Phase(run, phase, book)
    in_batches = arrays is None or bool(steps) or is_stream(validation_data)
    if not in_batches and arrays is not None:
        _prepare(part, model, book, packed(*first_rows(arrays, how.batch_size)))
        asked = engine or run.engine_choice

        def train() -> tuple[dict[str, float], bool]:
            return train_arrays(part, model, arrays, how, told, asked)
    else:
        source = x if arrays is None else arrays
        stream = stream_of(source, seed=run.seed, shuffle=how.shuffle, batch_size=how.batch_size, steps=steps, **given)
        _prepare(part, model, book, stream.first_batch)

        def train() -> tuple[dict[str, float], bool]:
            return StreamRun(part, model, stream, how.epochs, told, how.resume).train()

    def train_and_test() -> Outcome:
        metrics, ended = train()
        if ended and (in_batches or is_stream(test_data)):  # else it is a part of the arrays
            metrics = {**metrics, **on_test_data(run, model, test_data, how.batch_size)}
        return metrics, ended

    return (train_and_test() if phase is None else _train_phase(part, model, book, train_and_test))[0]


def _prepare(part: RunHandle, model: Any, book: Book, batch: Any) -> None:
    prepare(part, model, batch, again=model in book.models)
    book.models.add(model)


def _train_phase(part: Phase, model: Any, book: Book, train: Any) -> Outcome:
    """Train one phase, or pass over it where an earlier attempt has come beyond it."""
    digest = weights_sha256(model)
    ended = part.ended_before()
    if ended is not None:
        load_state(model, ended["variables"])
        return part.pass_over(ended), True
    part.begin(digest)
    part.require_beginning(digest)
    metrics, is_over = train()
    if is_over:
        part.end(read_state(model), weights_sha256(model), metrics)
    book.paused = not is_over
    return dict(metrics), is_over
