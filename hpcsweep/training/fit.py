"""`fit`: train one run of a sweep, from a fresh model or from its last checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import keras

from hpcsweep.data import Data
from hpcsweep.data.used import TRAINED_ON, note
from hpcsweep.errors import JobError, UsageError
from hpcsweep.training.engines.program_key import architecture_key, evaluation_key
from hpcsweep.training.examples import Examples, TrainingData, first_rows, is_array_tree, make_examples, packed
from hpcsweep.training.facts import device_facts
from hpcsweep.training.kept_model import keep_model
from hpcsweep.training.loops.alone import finish_stacked, train_alone
from hpcsweep.training.loops.callbacks import Callbacks
from hpcsweep.training.loops.member import Member
from hpcsweep.training.loops.phases import Book, Phase, book_of, restored
from hpcsweep.training.loops.seating import train_members
from hpcsweep.training.loops.stream import StreamRun
from hpcsweep.training.loops.streams import Steps, stream_of
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.building import build
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.seeding import require_fresh
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
    Raises JobError if the model is not fresh or not compiled, or changes what cannot be kept, UsageError for arguments
    that make no sense.
    """
    total, size = _checked_epochs(run, epochs), _checked_batch_size(batch_size)
    if resume not in ("exact", "restart", "statistical"):
        raise UsageError(f'fit: resume is {resume!r}; expected "exact", "restart" or "statistical"')
    if initial_epoch:
        raise UsageError(f"fit: initial_epoch is {initial_epoch}; expected none: a run goes on by itself")
    if validation_freq != 1:
        raise UsageError(f"fit: validation_freq is {validation_freq!r}; expected 1: every epoch of a run is validated")
    steps = Steps(steps_per_epoch, validation_steps, validation_batch_size)
    given: dict[str, Any] = {"validation_data": validation_data, "class_weight": class_weight}
    if data is not None and x is not None:
        raise UsageError("fit: both x and data are given; expected one of them")
    arrays = _arrays(x if data is None else data, y, sample_weight, validation_split, steps, given)
    if arrays is not None:
        note(TRAINED_ON, arrays)
    told = Callbacks(callbacks)
    _require_one_device(model)
    book = book_of(run)
    book.open(run, phase)
    if book.paused:  # a phase before this one was stopped, and the job is on its way out
        return {}
    part: Any = run if phase is None else Phase(run, phase, book)
    if arrays is not None and not steps and not _is_stream(validation_data):
        _prepare(part, model, book, packed(*first_rows(arrays, size)))
        asked = engine or run.engine_choice

        def train() -> Outcome:
            return _train_arrays(part, model, arrays, size, total, shuffle, told, asked, resume)
    else:
        source = x if arrays is None else arrays
        stream = stream_of(source, seed=run.seed, shuffle=shuffle, batch_size=size, steps=steps, **given)
        _prepare(part, model, book, stream.first_batch)

        def train() -> Outcome:
            return StreamRun(part, model, stream, total, told, resume).train()

    metrics, is_over = train() if phase is None else _train_phase(part, model, book, train)
    if is_over and run.keeps_model:
        keep_model(run, model)
    return metrics


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


def _train_arrays(
    run: RunHandle,
    model: Any,
    data: TrainingData,
    size: int,
    total: int,
    shuffle: bool,
    callbacks: Callbacks,
    engine: str,
    resume: Resume,
) -> Outcome:
    """Train on arrays; return the metrics, and whether the run has come to its end."""
    initial = read_state(model)
    keeps = resume != "restart"
    guarantee = "to the bit" if backend().device_name() == "cpu" else "to rounding"
    run.record(
        initial_weights_sha256=weights_sha256(model),
        batch_size=size,
        resume=guarantee if keeps else "begins anew",
        **device_facts(model),
    )
    saved = restored(run, is_stream=False) if keeps else None
    shares = callbacks.may_share_programs and not isinstance(run, Phase)  # for the next phase, a model is changed
    key = architecture_key(model, data, size) if shares else None
    setup = Setup(
        model, data, size, callbacks.relay(), key, evaluation_key(model, data) if shares else None, run.faster
    )
    member = Member(run, setup, initial, saved, total, shuffle, shared_order=run.stack_order == "shared")
    asked = saved["engine"] if saved else engine
    if asked == "stacked" and _may_stack(member, callbacks, resume) and _trained_in_stack(member):
        return finish_stacked(member), member.final is not None
    return train_alone(member, engine, callbacks, keeps=keeps)


def _may_stack(member: Member, callbacks: Callbacks, resume: Resume) -> bool:
    """Whether the run may share a stack; noted in the member if not."""
    rule = member.run.stop_rule or {}
    reasons = {
        "callbacks act on one run": bool(callbacks),
        "the best weights of a run are kept alone": bool(rule.get("restore_best")),
        'resume = "restart" is for runs alone': resume == "restart",
    }
    member.alone_because = "; ".join(reason for reason, is_so in reasons.items() if is_so)
    return not member.alone_because


def _trained_in_stack(member: Member) -> bool:
    """Train a run with its crew; one that a stack began goes on in one, if only by itself: lone nets round else."""
    if member.run.crew is not None:
        return bool(member.run.crew.together(member, train_members))
    return member.saved is not None and train_members([member])[0]


def _arrays(
    x: Any, y: Any, sample_weight: Any, validation_split: float, steps: Steps, given: Mapping[str, Any]
) -> TrainingData | None:
    """Return the arrays that Keras's arguments hold; None if the data only come in batches."""
    if x is None:
        raise UsageError("fit: no data are given; expected fit(run, model, x, y, ...) or fit(run, model, data, ...)")
    beside = {"y": y, "sample_weight": sample_weight, "validation_split": validation_split or None}
    if isinstance(x, Data):
        beside |= {"validation_data": given["validation_data"], "steps": steps or None}
    stray = [name for name, value in beside.items() if value is not None]
    if stray and not is_array_tree(x):
        what = "a Data holds all of the data" if isinstance(x, Data) else "its batches hold what they need, as in Keras"
        raise UsageError(f"fit: x is a {type(x).__name__}, and {stray[0]} is given; expected it alone: {what}")
    if isinstance(x, Data):
        return x if given["class_weight"] is None else _weighted(x, given["class_weight"])
    if not is_array_tree(x):
        return None
    known = {**given, "validation_data": None} if _is_stream(given["validation_data"]) else given
    return make_examples(x, y, sample_weight, validation_split=validation_split, **known)


def _weighted(data: Data, class_weight: Mapping[int, float]) -> Examples:
    train = make_examples(data.x, data.y, data.sample_weight, class_weight=class_weight)
    return replace(
        train, x_val=data.x_val, y_val=data.y_val, val_sample_weight=data.val_sample_weight, classes=data.classes
    )


def _is_stream(validation_data: Any) -> bool:
    return validation_data is not None and not is_array_tree(validation_data)


def _prepare(run: RunHandle, model: Any, book: Book, batch: Any) -> None:
    """Check that the model is compiled and fresh, and create the variables that it still lacks."""
    if not isinstance(model, keras.Model) or not getattr(model, "compiled", False):
        raise JobError(f"fit was given {type(model).__name__}; expected a Keras model after model.compile(...)")
    if run.precision is not None and model.dtype_policy.name != run.precision:
        raise JobError(
            f"the sweep says that Keras computes in {run.precision}, and the model in {model.dtype_policy.name}; "
            "expected a job that leaves the dtype policy to the sweep ([training] precision)"
        )
    require_fresh(model, run.seed, again=model in book.models)
    book.models.add(model)
    build(model, batch)


def _require_one_device(model: Any) -> None:
    strategy = getattr(model, "distribute_strategy", None)
    replicas = getattr(strategy, "num_replicas_in_sync", 1)
    if replicas > 1 or keras.distribution.distribution() is not None:
        raise UsageError(
            "fit: the model is distributed over several devices; expected one device per run: a sweep fills the others "
            "with other runs"
        )


def _checked_epochs(run: RunHandle, epochs: int | None) -> int:
    found = run.params.get("epochs") if epochs is None else epochs
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise UsageError(f"fit: epochs is {found!r}; expected a whole number from 0 (fit(..., epochs=10))")
    return found


def _checked_batch_size(batch_size: int | None) -> int:
    if batch_size is None:
        return 32
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise UsageError(f"fit: batch_size is {batch_size!r}; expected a whole number from 1")
    return batch_size
