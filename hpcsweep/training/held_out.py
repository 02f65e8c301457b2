"""What a trained model is worth on data that nothing was chosen by."""

from __future__ import annotations

import types
from typing import Any

from hpcsweep.data.used import TESTED_ON, note
from hpcsweep.errors import UsageError
from hpcsweep.training.examples import Examples, TrainingData, as_test_part, is_stream
from hpcsweep.training.programs.evaluation_batch import evaluation_batch
from hpcsweep.training.run_protocol import RunHandle

INFINITE = -1
"""What TensorFlow says of the size of a data set that has no end."""


def require_testable(test_data: Any) -> None:
    """Raise UsageError, before anything is trained, if `test_data` are not (x, y) of arrays nor a stream that ends."""
    if not is_stream(test_data):
        as_test_part(test_data)
    elif isinstance(test_data, types.GeneratorType):
        raise UsageError("fit: test_data is a generator; expected what can be begun anew, such as arrays (x, y)")
    elif hasattr(test_data, "cardinality") and int(test_data.cardinality()) == INFINITE:
        raise UsageError("fit: test_data has no end; expected a stream that ends, such as one with .take(batches)")


def on_test_part(run: RunHandle, model: Any, data: TrainingData, batch_size: int) -> dict[str, float]:
    """Return `test_loss`, `test_accuracy` and so on of a compiled model as it is; nothing if no test part is given.

    It is what `keras.Model.evaluate` says, whatever trained the model. The state of random generators is put back.
    """
    if data.x_test is None:
        return {}
    size = evaluation_batch(model, data.x_test, batch_size)
    return _evaluated(run, model, data.x_test, data.y_test, batch_size=size)


def on_test_data(run: RunHandle, model: Any, test_data: Any, batch_size: int) -> dict[str, float]:
    """Return the same of `test_data` that are no part of the arrays that were trained on."""
    if is_stream(test_data):
        return _evaluated(run, model, test_data)
    data = Examples(x=(), **as_test_part(test_data))
    note(TESTED_ON, data)
    return on_test_part(run, model, data, batch_size)


def _evaluated(run: RunHandle, model: Any, *given: Any, **how: Any) -> dict[str, float]:
    generators = run.generators()
    found = model.evaluate(*given, verbose=0, return_dict=True, **how)
    run.set_generators(generators)
    return {f"test_{name}": float(value) for name, value in found.items()}
