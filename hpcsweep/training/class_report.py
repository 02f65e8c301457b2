"""What a classifier confuses: the confusion matrix and the accuracy of each class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.training.examples import TrainingData


def confusion_matrix(truth: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Count [true class, predicted class] pairs: int64 [classes, classes]."""
    pairs = truth.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).astype(np.int64).reshape(classes, classes)


def per_class_accuracy(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of each true class that was predicted right, [classes]; NaN for a class without examples."""
    examples = matrix.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.diag(matrix) / examples, dtype=np.float64)


def predicted_classes(outputs: NDArray[Any], classes: int, model: Any) -> NDArray[np.int64] | None:
    """Return the class of the largest output of each example, [examples]; None if the outputs are no class scores."""
    if outputs.ndim == 2 and outputs.shape[1] == classes:
        return np.asarray(np.argmax(outputs, axis=1), dtype=np.int64)
    if classes == 2 and outputs.ndim == 2 and outputs.shape[1] == 1:
        middle = 0.0 if getattr(model.loss, "from_logits", False) else 0.5
        return np.asarray(outputs[:, 0] > middle, dtype=np.int64)
    return None


def class_report(data: TrainingData, outputs: NDArray[Any] | None, model: Any) -> dict[str, NDArray[Any]]:
    """Return `confusion_matrix` and `per_class_accuracy` on the validation data; nothing if these are no classes."""
    classes = len(data.classes)
    predicted = predicted_classes(outputs, classes, model) if classes and outputs is not None else None
    if predicted is None:
        return {}
    matrix = confusion_matrix(data.y_val, predicted, classes)
    return {"confusion_matrix": matrix, "per_class_accuracy": per_class_accuracy(matrix)}
