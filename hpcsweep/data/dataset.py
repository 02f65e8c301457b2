"""The value that data sets, jobs and the training loop pass around: what to train on and what to test on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.errors import UsageError

Array = NDArray[Any]
ARRAY_NAMES = ("x", "y", "x_val", "y_val", "sample_weight", "val_sample_weight", "x_test", "y_test")


@dataclass(frozen=True, eq=False)
class Data:
    """Examples to train on (`x`, `y`) and to validate on (`x_val`, `y_val`); the first axis counts them.

    Classifiers have integer `y` of shape [examples] and the names of the classes in `classes`;
    regressions have float `y` and no classes. Images stay uint8, 0 for black and `white` for white, so that
    a batch is small until it is on the device; divide by `white` there. The arrays are read-only, because
    the runs of a worker share them. A third part (`x_test`, `y_test`) is evaluated once, when a training has ended, so
    that nothing is chosen by it. `validates_on_test`: what there is to validate on was published as a test part, so
    that what is chosen by it is too good. Raises UsageError if shapes or labels do not fit together.
    """

    x: Array
    y: Array
    x_val: Array
    y_val: Array
    sample_weight: Array | None = None
    val_sample_weight: Array | None = None
    classes: tuple[str, ...] = ()
    name: str = "data"
    white: float = 1.0
    x_test: Array | None = None
    y_test: Array | None = None
    validates_on_test: bool = False

    def __post_init__(self) -> None:
        """Freeze views of the arrays (the caller's own stay writable) and check that they fit together."""
        for name in ARRAY_NAMES:
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, _read_only(array))
        object.__setattr__(self, "classes", tuple(self.classes))
        self._check_part("x", "y", "sample_weight")
        self._check_part("x_val", "y_val", "val_sample_weight")
        self._check_same_kind("x_val", "y_val")
        if (self.x_test is None) != (self.y_test is None):
            raise UsageError(f"{self.name}: one of x_test and y_test is given; expected both or none")
        if self.x_test is not None:
            self._check_part("x_test", "y_test", "")
            self._check_same_kind("x_test", "y_test")

    def __repr__(self) -> str:
        """Say what is in it, in one line; arrays would fill the screen."""
        kind = f"{len(self.classes)} classes" if self.classes else "regression"
        shape = "x".join(str(size) for size in self.input_shape) or "scalar"
        tested = f"{len(self.x_test)} to test, " if self.x_test is not None else ""
        return f"Data({self.name}: {len(self.x)} to train, {len(self.x_val)} to validate, {tested}{shape}, {kind})"

    @property
    def examples(self) -> int:
        """How many there are to train on."""
        return len(self.x)

    @property
    def validated(self) -> int:
        """How many there are to validate on."""
        return len(self.x_val)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, for example (8, 8, 1)."""
        return tuple(self.x.shape[1:])

    @property
    def input_size(self) -> int:
        """How many numbers one input has: pixels times channels of an image."""
        return int(np.prod(self.input_shape, dtype=np.int64))

    def flat(self) -> Data:
        """The same data with each input as one row of numbers, as a dense layer needs it."""
        images: dict[str, Any] = {
            name: array for name in ("x", "x_val", "x_test") if (array := getattr(self, name)) is not None
        }
        return replace(self, **{name: array.reshape(len(array), -1) for name, array in images.items()})

    def with_test(self, validate: int) -> Data:
        """Keep what was to validate on for a test, and validate on the last `validate` training examples instead.

        So a published set keeps its test part, which is then looked at once: `load("mnist").with_test(10_000)`.
        """
        if self.x_test is not None:
            raise UsageError(f"{self.name}: there is a test part already; expected none")
        if self.val_sample_weight is not None:
            raise UsageError(f"{self.name}: what is to validate on has weights; expected none, since a test takes none")
        kept = self.examples - validate
        if isinstance(validate, bool) or validate < 1 or kept < 1:
            raise UsageError(
                f"{self.name}: found {validate} to validate on, expected from 1 to {self.examples - 1}, "
                f"of {self.examples} to train on"
            )
        weight = self.sample_weight
        trained, validated = (None, None) if weight is None else (weight[:kept], weight[kept:])
        parts: dict[str, Any] = {"x": self.x[:kept], "y": self.y[:kept], "sample_weight": trained}
        parts |= {"x_val": self.x[kept:], "y_val": self.y[kept:], "val_sample_weight": validated}
        return replace(self, **parts, x_test=self.x_val, y_test=self.y_val, validates_on_test=False)

    def first_of_each_class(self, examples: int) -> Data:
        """Only the first `examples` training examples of each class, or all of a class that has fewer."""
        if not self.classes or examples < 1:
            raise UsageError(f"{self.name}: expected classes and at least 1 example of each, found {examples}")
        by_class = [np.flatnonzero(self.y == label)[:examples] for label in range(len(self.classes))]
        kept = np.sort(np.concatenate(by_class))
        weight = None if self.sample_weight is None else self.sample_weight[kept]
        return replace(self, x=self.x[kept], y=self.y[kept], sample_weight=weight)

    def limited(self, train: int | None = None, validate: int | None = None) -> Data:
        """Only the first `train` training and `validate` validation and test examples (None: all)."""
        cut = {
            name: array[: validate if "val" in name or "test" in name else train]
            for name in ARRAY_NAMES
            if (array := getattr(self, name)) is not None
        }
        return replace(self, **cut)

    def _check_part(self, x: str, y: str, weight: str) -> None:
        arrays = {name: array for name in (x, y, weight) if name and (array := getattr(self, name)) is not None}
        counts = {name: array.shape[:1] for name, array in arrays.items()}
        if () in counts.values():
            scalar = next(name for name, count in counts.items() if count == ())
            raise UsageError(f"{self.name}: {scalar} is one number; expected an array with one row per example")
        if len(set(counts.values())) > 1:
            found = ", ".join(f"{name} has {count[0]}" for name, count in counts.items())
            raise UsageError(f"{self.name}: {found} examples; expected as many in each")
        if counts[x] == (0,):
            raise UsageError(f"{self.name}: {x} has no examples; expected at least one")
        if self.classes:
            self._check_labels(y)

    def _check_labels(self, y: str) -> None:
        labels = getattr(self, y)
        if labels.dtype.kind not in "iu" or labels.ndim != 1:
            raise UsageError(
                f"{self.name}: {y} is {labels.dtype} of shape {labels.shape}; "
                f"expected one whole number per example, the index of its class"
            )
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= len(self.classes):
            raise UsageError(
                f"{self.name}: {y} goes from {low} to {high}; "
                f"expected labels from 0 to {len(self.classes) - 1}, as there are {len(self.classes)} classes"
            )

    def _check_same_kind(self, *parts: str) -> None:
        for train, part in zip(("x", "y"), parts):
            one, other = getattr(self, train).shape[1:], getattr(self, part).shape[1:]
            if one != other:
                raise UsageError(
                    f"{self.name}: an example has shape {one} in {train} but {other} in {part}; expected the same shape"
                )


def _read_only(array: Array) -> Array:
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
