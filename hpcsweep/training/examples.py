"""What a run trains on, if it is arrays: trees of them, as `keras.Model.fit` takes them."""

from __future__ import annotations

import math
import types
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Union

import keras
import numpy as np
from numpy.typing import NDArray

from hpcsweep.data import Data
from hpcsweep.errors import UsageError
from hpcsweep.machine import zip_equal
from hpcsweep.training.state.variables import arrays_sha256

Tree = Any
"""One array, or tuples and dicts of arrays (lists become tuples, as in Keras)."""
_OF_BATCHES = ("tensorflow", "torch", "grain")
"""The libraries whose data sets Keras takes."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Trees of arrays whose first axis counts the examples; `x_val` is None where nothing is validated.

    Where `y` is None the model gets the inputs only, as with `keras.Model.fit(x)`.
    """

    x: Tree
    y: Tree = None
    sample_weight: Tree = None
    x_val: Tree = None
    y_val: Tree = None
    val_sample_weight: Tree = None
    classes: tuple[str, ...] = ()
    name: str = "data"
    x_test: Tree = None
    y_test: Tree = None
    validates_on_test: bool = False

    @property
    def train(self) -> tuple[Tree, Tree, Tree]:
        """Inputs, truth and weights to train on."""
        return self.x, self.y, self.sample_weight

    @property
    def validation(self) -> tuple[Tree, Tree, Tree]:
        """Inputs, truth and weights to validate on; all None if there are none."""
        return self.x_val, self.y_val, self.val_sample_weight

    @property
    def examples(self) -> int:
        """How many there are to train on."""
        return count(self.x)

    @property
    def validated(self) -> int:
        """How many there are to validate on."""
        return count(self.x_val)


TrainingData = Union[Data, Examples]


def count(tree: Tree) -> int:
    """Return how many examples the arrays of a tree have: 0 if it has none."""
    leaves = arrays_of(tree)
    return int(leaves[0].shape[0]) if leaves else 0


def packed(x: Tree, y: Tree, weight: Tree) -> Any:
    """Return what Keras gives to a step: all three, or only those that there are."""
    return keras.utils.pack_x_y_sample_weight(x, y, weight)


def is_one_array(tree: Tree) -> bool:
    """Whether a tree is an array."""
    return isinstance(tree, np.ndarray)


def is_array_tree(tree: Any) -> bool:
    """Whether Keras would take `tree` for arrays, and not for a stream of batches."""
    leaves = keras.tree.flatten(tree)
    return any(leaf is not None for leaf in leaves) and all(leaf is None or _is_array(leaf) for leaf in leaves)


def is_stream(data: Any) -> bool:
    """Whether `data` are such that Keras takes batches from them."""
    if isinstance(data, (keras.utils.PyDataset, types.GeneratorType)):
        return True
    of_batches = any(base.__module__.partition(".")[0] in _OF_BATCHES for base in type(data).__mro__)
    return of_batches and hasattr(data, "__iter__") and not hasattr(data, "shape")


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "__array__") and hasattr(leaf, "shape")


def as_arrays(name: str, tree: Any) -> Tree:
    """Return `tree` as NumPy arrays in tuples and dicts; UsageError names what is none."""
    if tree is None:
        return None
    if isinstance(tree, (list, tuple)):
        return tuple(as_arrays(f"{name}[{index}]", item) for index, item in enumerate(tree))
    if isinstance(tree, Mapping):
        return {key: as_arrays(f"{name}[{key!r}]", item) for key, item in tree.items()}
    if not _is_array(tree):
        raise UsageError(
            f"fit: {name} is a {type(tree).__name__}; expected an array, or a dict, list or tuple of arrays"
        )
    array = np.asarray(tree)
    if array.ndim == 0:
        raise UsageError(f"fit: {name} is one number; expected an array with one row per example")
    if array.dtype == object:
        kinds = {type(item) for item in array.reshape(-1)}
        if kinds not in ({str}, {bytes}):
            raise UsageError(f"fit: {name} holds objects; expected an array of numbers or strings")
        array = array.astype(str if kinds == {str} else "S")
    view = array.view()
    view.flags.writeable = False
    return view


def make_examples(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    validation_data: Any = None,
    validation_split: float = 0.0,
    class_weight: Mapping[int, float] | None = None,
    test_data: Any = None,
) -> Examples:
    """Return the arrays of Keras's arguments, checked: as many examples in each, and what Keras refuses is refused."""
    train = (as_arrays("x", x), as_arrays("y", y), as_arrays("sample_weight", sample_weight))
    validation: tuple[Tree, ...] = (None, None, None)
    if validation_data is not None:
        parts = keras.utils.unpack_x_y_sample_weight(_as_tuple(validation_data))
        names = ("validation_data[0]", "validation_data[1]", "validation_data[2]")
        validation = tuple(as_arrays(name, part) for name, part in zip_equal(names, parts))
    elif validation_split:
        train, validation = _split(train, validation_split)
    if class_weight is not None:
        train = (*train[:2], _weights_of_classes(train[1], train[2], class_weight))
    _require_one_count(("x", "y", "sample_weight"), train)
    _require_one_count(("x", "y", "sample_weight"), validation, " of validation_data")
    return Examples(*train, *validation, **as_test_part(test_data))


def as_test_part(test_data: Any) -> dict[str, Tree]:
    """Return the arrays of `test_data`, (x, y), as `x_test` and `y_test`; nothing if there are none."""
    if test_data is None:
        return {}
    parts = _as_tuple(test_data)
    if not isinstance(parts, tuple) or len(parts) != 2 or not is_array_tree(parts):
        raise UsageError("fit: test_data is neither (x, y) of arrays nor a stream of batches; expected one of them")
    arrays = (as_arrays("test_data[0]", parts[0]), as_arrays("test_data[1]", parts[1]))
    _require_one_count(("x", "y"), arrays, " of test_data")
    return {"x_test": arrays[0], "y_test": arrays[1]}


def _as_tuple(parts: Any) -> Any:
    return tuple(parts) if isinstance(parts, list) else parts


def _require_one_count(names: tuple[str, ...], trees: tuple[Tree, ...], where: str = "") -> None:
    leaves = [(name, leaf) for name, tree in zip_equal(names, trees) for leaf in arrays_of(tree)]
    if len({len(leaf) for _, leaf in leaves}) > 1:
        found = ", ".join(f"{name} has {len(leaf)}" for name, leaf in leaves)
        raise UsageError(f"fit: {found} examples{where}; expected as many in each")
    if leaves and len(leaves[0][1]) == 0:
        raise UsageError(f"fit: x{where} has no examples; expected at least one")


def _split(train: tuple[Tree, Tree, Tree], share: float) -> tuple[Any, Any]:
    """Return what stays to train on, and the last part of all arrays, to validate on: cut where Keras cuts."""
    examples = count(train[0])
    if not isinstance(share, float) or not 0 < share < 1:
        raise UsageError(f"fit: validation_split is {share!r}; expected a share between 0 and 1, such as 0.2")
    at = math.floor(examples * (1.0 - share))
    if at in (0, examples):
        raise UsageError(
            f"fit: validation_split {share} of {examples} examples leaves a part empty; expected some in each"
        )
    return map_arrays(lambda leaf: leaf[:at], train), map_arrays(lambda leaf: leaf[at:], train)


def _weights_of_classes(y: Tree, sample_weight: Tree, class_weight: Mapping[int, float]) -> NDArray[Any]:
    """Return the weight of each example's class, one where none is given: what Keras makes of `class_weight`."""
    if sample_weight is not None:
        raise UsageError("fit: both class_weight and sample_weight are given; expected one of the two, as in Keras")
    if not is_one_array(y):
        raise UsageError("fit: class_weight is given, and y is not one array; expected one output, as in Keras")
    labels = y
    if labels.ndim > 1:
        labels = labels[..., 0] if labels.shape[-1] == 1 else np.argmax(labels, axis=-1)
    if labels.ndim != 1:
        raise UsageError(f"fit: class_weight is given, and y has shape {y.shape}; expected one class per example")
    found, places = np.unique(np.round(labels).astype("int32"), return_inverse=True)
    weights = np.array([class_weight.get(int(label), 1.0) for label in found], dtype=keras.config.floatx())
    return weights[places]


def map_arrays(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """Return the tree of what `function` makes of each array; what is None stays None."""
    return keras.tree.map_structure(lambda leaf: None if leaf is None else function(leaf), tree)


def arrays_of(tree: Tree) -> list[Any]:
    """Return the arrays of a tree, in its order."""
    return [leaf for leaf in keras.tree.flatten(tree) if leaf is not None]


_contents: weakref.WeakKeyDictionary[TrainingData, str] = weakref.WeakKeyDictionary()


def content_sha256(data: TrainingData) -> str:
    """Return the SHA-256 over all arrays and where they stand: equal for data that two jobs made alike."""
    if data not in _contents:
        parts = ("x", "y", "sample_weight", "x_val", "y_val", "val_sample_weight", "x_test", "y_test")
        trees = tuple(getattr(data, part) for part in parts)
        paths = [path for path, leaf in keras.tree.flatten_with_path(trees) if leaf is not None]
        _contents[data] = f"{paths}{data.classes}{arrays_sha256(arrays_of(trees))}"
    return _contents[data]


def symbols_of(tree: Tree) -> Tree:
    """Return symbols of the types and shapes of the arrays, for Keras to build a model from."""

    def symbol(array: Any) -> Any:
        is_text = getattr(array.dtype, "kind", "") in "US" and hasattr(array.dtype, "kind")
        return keras.KerasTensor(array.shape, "string" if is_text else keras.backend.standardize_dtype(array.dtype))

    return map_arrays(symbol, tree)


def first_rows(data: TrainingData, rows: int) -> tuple[Tree, Tree, Tree]:
    """Return inputs, truth and weights of the first examples to train on."""
    cut: tuple[Tree, Tree, Tree] = map_arrays(lambda leaf: leaf[:rows], (data.x, data.y, data.sample_weight))
    return cut
