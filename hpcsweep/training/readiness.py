"""Before a model is trained: is it compiled, fresh, on one device, and trained by Keras's own `fit`?"""

from __future__ import annotations

import os
from typing import Any

import keras

from hpcsweep.errors import JobError, UsageError
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.building import build
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.seeding import require_fresh

_ONE_DEVICE = "expected one device per run: a sweep fills the others with other runs"


def prepare(run: RunHandle, model: Any, batch: Any, *, again: bool) -> None:
    """Check that the model is compiled and fresh, and create the variables that it still lacks.

    `again`: it was trained in another phase of this run.
    """
    if not isinstance(model, keras.Model) or not getattr(model, "compiled", False):
        raise JobError(f"fit was given {type(model).__name__}; expected a Keras model after model.compile(...)")
    if type(model).fit is not keras.Model.fit:
        raise JobError(
            f"{type(model).__name__} has a `fit` of its own, which this fit would not call; expected the training in "
            "its train_step, or a job that calls model.fit and run.checkpoint itself"
        )
    if run.precision is not None and model.dtype_policy.name != run.precision:
        raise JobError(
            f"the sweep says that Keras computes in {run.precision}, and the model in {model.dtype_policy.name}; "
            "expected a job that leaves the dtype policy to the sweep ([training] precision)"
        )
    require_fresh(model, run.seed, again=again)
    build(model, batch)


def require_one_device(model: Any) -> None:
    """Raise UsageError if this training would be one of several that make one."""
    if backend().is_distributed(model) or keras.distribution.distribution() is not None:
        raise UsageError(f"fit: the model is distributed over devices; {_ONE_DEVICE}")
    processes = os.environ.get("WORLD_SIZE", "1")  # what torchrun sets; without it, LOCAL_RANK says nothing
    if processes != "1":
        raise UsageError(
            f"fit: WORLD_SIZE says that this is one of {processes} processes, as torchrun starts them; {_ONE_DEVICE}, "
            "and starts its workers itself"
        )
