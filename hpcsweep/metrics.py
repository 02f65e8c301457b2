"""Metrics by their names: which way is better, what diverges, and which is shown where nobody asked for one.

A direction is never guessed. It is what the sweep file's [metrics] says, else what the name says beyond doubt: the
names that Keras gives its own metrics and losses (https://keras.io/api/metrics, https://keras.io/api/losses), and what
ends in a word such as "loss", "error" or "accuracy". `dice` and `tversky` are left out: Keras calls losses so, people
call scores so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

Direction = Literal["max", "min"]
STATISTICS = ("last", "min", "max", "mean", "best")  # a summary column is called {statistic}_{metric}
SECONDS = "seconds"  # what a history calls the time of an epoch
LOSSES = ("loss", "val_loss")
HEADLINES = ("val_accuracy", "val_loss", "accuracy", "loss")  # the first that a run has stands for it

_PREFIXES = (*(f"{statistic}_" for statistic in STATISTICS), "final_", "run_")
_ENDINGS: dict[Direction, str] = {
    "max": """accuracy acc auc precision recall sensitivity specificity f1 f1_score f_beta_score fbeta_score r2 r2_score
        io_u iou true_positives true_negatives concordance_correlation pearson_correlation correct""",
    "min": """loss error rmse mse mae mape msle crossentropy cross_entropy bce kl_divergence kld hinge log_cosh logcosh
        false_positives false_negatives perplexity seconds time time_s""",
}
# Whole names, which would say nothing at the end of another. Of Keras's two "cosine_similarity" the metric is meant.
_NAMES: dict[Direction, str] = {"max": "cosine_similarity", "min": "huber poisson circle ctc"}
_DIRECTION_OF_ENDING = {ending: way for way, endings in _ENDINGS.items() for ending in endings.split()}
_DIRECTION_OF_NAME = {name: way for way, names in _NAMES.items() for name in names.split()}
_TURNING = {"neg", "negative", "minus", "inverse", "not", "non", "std", "var"}  # "neg_mean_squared_error" is to rise
_MEANT_MAX = ("acc", "auc", "precision", "recall", "f1", "r2", "iou", "fbeta")


def better(name: str, declared: Mapping[str, Direction | None] | None = None) -> Direction | None:
    """Return which way a metric, or a summary of it such as `max_val_auc_1`, is better; None if that is not known.

    `declared` is what [metrics] says, and comes first. A name covers what begins with `val_` as well and the other way
    round, and `auc` covers `auc_1` and so on, as Keras counts its metrics, unless those are declared themselves.
    """
    forms = list(_forms(name))
    covering = _covering(forms, declared or {})
    return _known(forms[-1]) if covering is None or declared is None else declared[covering]


def is_declared(name: str, declared: Mapping[str, Direction | None]) -> bool:
    """Tell whether `declared` says anything of a metric or its summary."""
    return _covering(list(_forms(name)), declared) is not None


def merged(declarations: Iterable[Mapping[str, Direction]]) -> dict[str, Direction | None]:
    """Return what the [metrics] of several sweeps say together, None where they contradict each other."""
    together: dict[str, Direction | None] = {}
    for declared in declarations:
        for name, way in declared.items():
            metric = _without_val(name)
            together[metric] = way if together.get(metric, way) == way else None
    return together


def declaration(metric: str) -> str:
    """Return what to type in a sweep file to say which way a metric is better."""
    key = metric if re.fullmatch(r"[A-Za-z0-9_-]+", metric) else f'"{metric}"'
    return f'[metrics] {key} = "max" or "min"'


def with_phases(declared: Mapping[str, Direction], phases: Iterable[str]) -> dict[str, Direction]:
    """Return what [metrics] says, also of the columns in which the phases of a job have these metrics."""
    bare = {_without_val(metric): way for metric, way in declared.items()}
    found: dict[str, Direction] = {}
    for prefix in (f"{phase}_" for phase in phases):
        own = {_without_val(name[len(prefix) :]): way for name, way in declared.items() if name.startswith(prefix)}
        for metric, way in {**bare, **own}.items():
            found |= {f"{prefix}{metric}": way, f"{prefix}val_{metric}": way}
    return {**found, **declared}


def contradictions(declared: Mapping[str, Direction]) -> list[str]:
    """Return the names of [metrics] that have another direction than the same metric with or without `val_`."""
    return [name for name, way in declared.items() if declared.get(_without_val(name), way) != way]


def direction_of_ids(metric: str) -> Direction:
    """Return the direction that a [stop] rule without `mode` means in the id of a run.

    For good: ids of the first releases say nothing of it, and their runs were trained as this function says.
    """
    return "max" if any(word in metric.lower() for word in _MEANT_MAX) else "min"


def metrics_among(columns: Iterable[str]) -> list[str]:
    """Return those columns of a history, or of its last row, that are metrics: all but the epoch and its time."""
    return [name for name in columns if name not in ("epoch", SECONDS)]


def has_diverged(metrics: Mapping[str, float]) -> bool:
    """Tell whether a loss among `metrics` is NaN or infinite."""
    return any(not math.isfinite(metrics[name]) for name in LOSSES if name in metrics)


def is_accuracy(name: str) -> bool:
    """Tell whether a metric or its summary is a share of right answers, which lies from 0 to 1."""
    return _words(name)[-1:] == ["accuracy"]


def is_at_most_one(name: str) -> bool:
    """Tell whether a metric is 1 at best, by its name: an accuracy, precision, correlation or the like."""
    words = _words(name)
    return _known(name) == "max" and words[-1] not in {"correct", "positives", "negatives"}


def training_twin(name: str) -> str | None:
    """Return what a metric on validation data is called on the data trained on; None for another metric."""
    found = re.fullmatch(r"(.*_)?val_(.+)", name)
    return found and f"{found[1] or ''}{found[2]}"


def _covering(forms: Sequence[str], declared: Mapping[str, Direction | None]) -> str | None:
    names = {_without_val(metric): metric for metric in declared}
    return next((names[form] for form in forms if form in names), None)


def _forms(name: str) -> Iterator[str]:
    """Give the names under which `name` may be known, the most particular first, all without `val_`."""
    for form in (name, *_unsummarised(name)):
        yield _without_val(form)
    yield re.sub(r"_\d+$", "", _without_val(form))


def _unsummarised(column: str) -> Iterator[str]:
    """Give `column` without one after the other of the prefixes that make a column of a metric."""
    while prefix := next((prefix for prefix in _PREFIXES if column.startswith(prefix)), None):
        column = column.removeprefix(prefix)
        yield column


def _without_val(name: str) -> str:
    return name.removeprefix("val_")


def _known(name: str) -> Direction | None:
    words = _words(name)
    if "_".join(words) in _DIRECTION_OF_NAME:
        return _DIRECTION_OF_NAME["_".join(words)]
    for start in range(len(words)):
        way = _DIRECTION_OF_ENDING.get("_".join(words[start:]))
        if way is not None:
            return None if _TURNING & set(words[:start]) else way
    return None


def _words(name: str) -> list[str]:
    """Return the words of a name, written `MeanIoU` or `mean_io_u`, without the numbers at its end."""
    snake = re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()
    words = re.findall(r"[a-z0-9]+", snake) if re.fullmatch(r"[\w.@ /-]*", name) else []
    while words and words[-1].isdecimal():
        words.pop()
    return words
