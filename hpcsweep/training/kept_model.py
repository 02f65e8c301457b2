"""The trained model among a run's files, as Keras's own file: `keras.models.load_model` opens it without hpcsweep."""

from __future__ import annotations

from typing import Any

from hpcsweep.files import MODEL_FILE
from hpcsweep.training.run_protocol import RunHandle


def keep_model(run: RunHandle, model: Any) -> None:
    """Write the model with the weights that it has now; why that cannot be done is recorded as `model_not_kept`."""
    if run.folder is None:
        return
    try:
        model.save(run.folder / MODEL_FILE)
    # a layer of the user's does not say how it was made: Keras raises NotImplementedError where it has no `get_config`
    except (TypeError, ValueError, NotImplementedError) as error:
        run.record(model_not_kept=" ".join(f"{type(error).__name__}: {error}".split()))
