"""What a trained model is worth on data that nothing was chosen by."""

from __future__ import annotations

from typing import Any

from hpcsweep.training.examples import TrainingData
from hpcsweep.training.programs.evaluation_batch import evaluation_batch
from hpcsweep.training.run_protocol import RunHandle


def on_test_part(run: RunHandle, model: Any, data: TrainingData, batch_size: int) -> dict[str, float]:
    """Return `test_loss`, `test_accuracy` and so on of a compiled model as it is; nothing if no test part is given.

    It is what `keras.Model.evaluate` says, whatever trained the model. The state of random generators is put back.
    """
    if data.x_test is None:
        return {}
    generators = run.generators()
    size = evaluation_batch(model, data.x_test, batch_size)
    found = model.evaluate(data.x_test, data.y_test, batch_size=size, verbose=0, return_dict=True)
    run.set_generators(generators)
    return {f"test_{name}": float(value) for name, value in found.items()}
