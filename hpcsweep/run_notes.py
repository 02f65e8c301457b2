"""What went wrong in a run, in one word each: found in its own history and confusion matrix, for all runs at once.

Each word belongs to one run, of one seed: nothing is summed over seeds. A run may have several. Rules are in WORDS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpcsweep.metrics import is_accuracy

Array = np.ndarray[Any, Any]
EXPLODED_ABOVE = 10.0
OVERFIT_ABOVE = 1.2
COLLAPSED_BELOW = 0.25
CHANCE_SIGMAS = 3.0
OTHER_DATA_SIGMAS = 4.0  # a confusion matrix may be of other data than val_accuracy: of a test set, say
WORDS = {
    "exploded": f"the training loss rose to more than {EXPLODED_ABOVE:g} times what it was at first",
    "stuck": "in no epoch was it better than always saying the most frequent class, beyond chance",
    "one class": "in the end it says the same class of everything, as a net does whose units are dead",
    "collapsed": "some class is right less than a quarter as often as by guessing",
    "overfits": f"val_loss ends more than {OVERFIT_ABOVE:g} times as high as it was, while the training loss falls",
    "odd metric": "what is called an accuracy lies outside 0..1, or far from the share right in the confusion matrix",
    "accumulated": "it began with the weights that another run ended with: its model was not built anew",
}
"""What is written of a run, and what it means."""
LEARNT_NOTHING = ("exploded", "stuck", "one class", "collapsed")
"""Those of a run whose other numbers are not to be trusted: of what is ranked, it comes last."""
_BETWEEN = "; "


def notes_of_runs(history: Mapping[str, Array], lengths: Array, matrices: Sequence[Array | None]) -> list[str | None]:
    """Return the words for each run, such as "stuck; collapsed"; None for a run of which there is nothing to say.

    `history` is stacked: columns [sum of lengths], one run after the other. `matrices` [runs] are confusion matrices.
    """
    trained = np.asarray(history["epoch"]) >= 1
    known = [confusion_of(matrix) for matrix in matrices]
    found = {
        "exploded": _exploded(history, lengths),
        "stuck": _stuck(history, lengths, known, trained),
        "one class": np.array([m is not None and _says_one_class(m) for m in known], bool),
        "collapsed": np.array([m is not None and len(collapsed_classes(m)) > 0 for m in known], bool),
        "overfits": _overfits(history, lengths, trained),
        "odd metric": _odd_metric(history, lengths, known),
    }
    return [joined([word for word in found if found[word][run]]) for run in range(len(lengths))]


def notes_of_run(history: Mapping[str, Array], matrix: Array | None) -> str | None:
    """Return the same for one run, as far as it can be seen in the run alone; None if there is nothing to say."""
    epochs = np.asarray(history.get("epoch", ()))
    return notes_of_runs({"epoch": epochs, **history}, np.array([len(epochs)]), [matrix])[0]


def confusion_of(array: Array | None) -> Array | None:
    """Return a confusion matrix [true, predicted] with something in it; None for any other array, and for none."""
    if array is None:
        return None
    counts = np.asarray(array)
    is_one = counts.ndim == 2 and counts.shape[0] == counts.shape[1] and counts.sum() > 0
    return counts if is_one else None


def collapsed_classes(confusion: Array) -> list[int]:
    """Return the classes that a classifier gets right less than COLLAPSED_BELOW times as often as by guessing.

    `confusion` is the matrix [true, predicted] of one run: a sum over seeds would hide what one of them never learnt.
    """
    counts = confusion_of(confusion)
    if counts is None:
        return []
    examples = counts.sum(axis=1)
    few = np.diag(counts) * len(counts) < COLLAPSED_BELOW * examples
    return [int(label) for label in np.flatnonzero(few)]


def joined(words: Sequence[str]) -> str | None:
    """Return several notes of a run as one text, None for none."""
    return _BETWEEN.join(words) or None


def words_in(text: str) -> list[str]:
    """Return the notes that are joined in a text."""
    return text.split(_BETWEEN)


def joined_after(text: object, words: Sequence[str]) -> str | None:
    """Return the notes in a text (or none, if it is none) and further ones as one text, None for none."""
    return joined([*([text] if isinstance(text, str) else []), *words])


def has_note(notes: object, wanted: str) -> bool:
    """Tell whether `wanted` is one of the notes in a text of several."""
    return isinstance(notes, str) and f"{_BETWEEN}{wanted}{_BETWEEN}" in f"{_BETWEEN}{notes}{_BETWEEN}"


def _exploded(history: Mapping[str, Array], lengths: Array) -> Array:
    loss = history.get("loss")
    if loss is None:
        return np.zeros(len(lengths), bool)
    finite = np.isfinite(loss)
    first = _at(loss, _row(np.minimum, finite, lengths))
    highest = _of_runs(np.maximum, np.where(finite, loss, -np.inf), lengths)
    return _less(EXPLODED_ABOVE * first, highest) & (first > 0)


def _stuck(history: Mapping[str, Array], lengths: Array, matrices: Sequence[Array | None], trained: Array) -> Array:
    name = next((name for name in ("val_accuracy", "accuracy") if name in history), None)
    if name is None:
        return np.zeros(len(lengths), bool)
    best = _of_runs(np.maximum, np.where(trained & np.isfinite(history[name]), history[name], -np.inf), lengths)
    chance = np.array([_most_by_chance(matrix) for matrix in matrices], float)
    return np.isfinite(best) & _less(best, chance)


def _says_one_class(matrix: Array) -> bool:
    """Tell whether all is said to be of one class, though there are several."""
    return bool((matrix.sum(axis=0) > 0).sum() == 1 and (matrix.sum(axis=1) > 0).sum() > 1)


def _most_by_chance(matrix: Array | None) -> float:
    """Return the accuracy that always saying one class may have, with the noise of so few examples; NaN if unknown.

    Of very few examples the noise would reach 1: it counts for at most half of what there is to learn.
    """
    if matrix is None or len(matrix) < 2:
        return float("nan")
    share = matrix.sum(axis=1).max() / matrix.sum()
    return float(share + min(CHANCE_SIGMAS * _noise(share, matrix), (1 - share) / 2))


def _noise(share: float, matrix: Array) -> float:
    """Return the standard deviation of an accuracy over as many examples as a confusion matrix has."""
    return float(np.sqrt(share * (1 - share) / matrix.sum()))


def _overfits(history: Mapping[str, Array], lengths: Array, trained: Array) -> Array:
    if not {"loss", "val_loss"} <= set(history):
        return np.zeros(len(lengths), bool)
    loss, held_out = history["loss"], history["val_loss"]
    valid = trained & np.isfinite(loss) & np.isfinite(held_out)
    lowest = _of_runs(np.minimum, np.where(valid, held_out, np.inf), lengths)
    at_lowest = _row(np.minimum, valid & (held_out == np.repeat(lowest, lengths)), lengths)
    last = _row(np.maximum, valid, lengths)
    worse = _less(OVERFIT_ABOVE * lowest, _at(held_out, last)) & (lowest > 0)
    return worse & _less(_at(loss, last), _at(loss, at_lowest))


def _odd_metric(history: Mapping[str, Array], lengths: Array, matrices: Sequence[Array | None]) -> Array:
    odd = np.zeros(len(lengths), bool)
    for name, column in history.items():
        if is_accuracy(name):
            outside = np.isfinite(column) & ((column < 0) | (column > 1))
            odd |= _of_runs(np.maximum, outside.astype(float), lengths) > 0
    if "val_accuracy" in history:
        share = np.array([np.nan if m is None else np.trace(m) / m.sum() for m in matrices], float)
        allowed = [np.nan if m is None else _may_differ(m) for m in matrices]
        distance = np.abs(history["val_accuracy"] - np.repeat(share, lengths))
        nearest = _of_runs(np.minimum, np.where(np.isfinite(distance), distance, np.inf), lengths)
        odd |= np.isfinite(nearest) & _less(np.array(allowed, float), nearest)
    return odd


def _may_differ(matrix: Array) -> float:
    """Return how far the share right in a confusion matrix may lie from an accuracy of as many other examples."""
    return float(OTHER_DATA_SIGMAS * _noise(np.trace(matrix) / matrix.sum(), matrix) + 1 / matrix.sum())


def _of_runs(reduce: Any, values: Array, lengths: Array) -> Array:
    """Return the minimum or maximum of each run's stretch of `values`, float [runs]; NaN for a run without epochs."""
    found = np.full(len(lengths), np.nan)
    some = lengths > 0
    if some.any():
        found[some] = reduce.reduceat(values, (np.cumsum(lengths) - lengths)[some])
    return found


def _row(reduce: Any, which: Array, lengths: Array) -> Array:
    """Return the first (np.minimum) or last (np.maximum) of the rows that are meant of each run; NaN for none."""
    none = np.inf if reduce is np.minimum else -np.inf
    rows = _of_runs(reduce, np.where(which, np.arange(len(which), dtype=float), none), lengths)
    return np.where(np.isfinite(rows), rows, np.nan)


def _at(values: Array, rows: Array) -> Array:
    """Return `values` in these rows, NaN where there is no row."""
    found = np.full(len(rows), np.nan)
    known = np.isfinite(rows)
    found[known] = values[rows[known].astype(np.int64)]
    return found


def _less(left: Array, right: Array) -> Array:
    """Compare without a warning for NaN, which is neither less nor more."""
    with np.errstate(invalid="ignore"):
        return np.asarray(left < right)
