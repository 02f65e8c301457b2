"""What `fit` is given: arrays or a stream, and whether its arguments make sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hpcsweep.data import Data
from hpcsweep.errors import UsageError
from hpcsweep.training.examples import Examples, TrainingData, is_array_tree, is_stream, make_examples
from hpcsweep.training.loops.streams import Steps
from hpcsweep.training.run_protocol import RunHandle

GUARANTEES = ("exact", "restart", "statistical")


@dataclass(frozen=True)
class Arguments:
    """How to train, checked."""

    epochs: int
    batch_size: int
    shuffle: bool
    resume: str

    @property
    def keeps(self) -> bool:
        """Whether checkpoints are made."""
        return self.resume != "restart"


def checked(
    run: RunHandle, *, epochs: int | None, batch_size: int | None, shuffle: Any, resume: str, initial_epoch: int
) -> Arguments:
    """Return how to train; UsageError names what makes no sense."""
    if resume not in GUARANTEES:
        raise UsageError(f'fit: resume is {resume!r}; expected "exact", "restart" or "statistical"')
    if initial_epoch:
        raise UsageError(f"fit: initial_epoch is {initial_epoch}; expected none: a run goes on by itself")
    if not isinstance(shuffle, bool):
        raise UsageError(f"fit: shuffle is {shuffle!r}; expected True or False: the order is one of whole epochs")
    return Arguments(_epochs(run, epochs), _batch_size(batch_size), shuffle, resume)


def _epochs(run: RunHandle, epochs: int | None) -> int:
    found = run.params.get("epochs") if epochs is None else epochs
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise UsageError(f"fit: epochs is {found!r}; expected a whole number from 0 (fit(..., epochs=10))")
    return found


def _batch_size(batch_size: int | None) -> int:
    if batch_size is None:
        return 32
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise UsageError(f"fit: batch_size is {batch_size!r}; expected a whole number from 1")
    return batch_size


def arrays_given(
    x: Any, y: Any, sample_weight: Any, validation_split: float, steps: Steps, given: Mapping[str, Any]
) -> TrainingData | None:
    """Return the arrays that Keras's arguments hold; None if the data only come in batches."""
    if x is None:
        raise UsageError("fit: no data are given; expected fit(run, model, x, y, ...) or fit(run, model, data, ...)")
    beside = {"y": y, "sample_weight": sample_weight, "validation_split": validation_split or None}
    if isinstance(x, Data):
        beside.update({name: given[name] for name in ("validation_data", "test_data")} | {"steps": steps or None})
        _require_alone(x, beside, "a Data holds all of the data")
        return x if given["class_weight"] is None else _weighted(x, given["class_weight"])
    if is_array_tree(x):
        known = {name: None if is_stream(value) else value for name, value in given.items()}
        return make_examples(x, y, sample_weight, validation_split=validation_split, **known)
    if is_stream(x):
        _require_alone(x, beside, "its batches hold what they need, as in Keras")
        return None
    raise UsageError(
        f"fit: x is a {type(x).__name__}; expected arrays (toarray() makes one of what is sparse, to_tensor() of what "
        "is ragged), a dict, list or tuple of arrays, a Data, a tf.data.Dataset, a keras.utils.PyDataset, a generator "
        "or a torch DataLoader"
    )


def _require_alone(x: Any, beside: Mapping[str, Any], what: str) -> None:
    stray = [name for name, value in beside.items() if value is not None]
    if stray:
        raise UsageError(f"fit: x is a {type(x).__name__}, and {stray[0]} is given; expected it alone: {what}")


def _weighted(data: Data, class_weight: Mapping[int, float]) -> Examples:
    train = make_examples(data.x, data.y, data.sample_weight, class_weight=class_weight)
    return replace(
        train,
        **{
            name: getattr(data, name)
            for name in (
                *("x_val", "y_val", "val_sample_weight", "classes", "x_test", "y_test"),
                "validates_on_test",
            )
        },
    )
