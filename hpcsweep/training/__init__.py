"""Training Keras models: exact, resumable, and much faster than `model.fit` for small nets.

A model is a program, a run is its state. `fit` loads a run's state (weights, the seeds of its random layers, the
optimizer's variables) into a compiled program that all runs of the architecture share, advances it by whole epochs,
and reads it out at checkpoints; so runs cannot leak into each other, and a resumed run equals an undisturbed one.

Besides what this file offers, workers know `run_protocol`: all that training asks of a run, `watching` (of any
`keras.Model.fit`) and `state`.

Importing this package sets up and imports Keras and its backend, which takes seconds: only workers do.
"""

from __future__ import annotations

from hpcsweep.training.environment import prepare

prepare()

from hpcsweep.data import Data, digits  # noqa: E402
from hpcsweep.training.fit import fit  # noqa: E402
from hpcsweep.training.seeding import seed_everything  # noqa: E402

__all__ = ["Data", "digits", "fit", "seed_everything"]
