"""Epoch 0: a fresh model evaluated on all the data, once for all runs of this process that start with its weights."""

from __future__ import annotations

import collections
import weakref
from typing import Any

from hpcsweep.training.examples import TrainingData
from hpcsweep.training.programs.building import can_be_evaluated
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.programs.protocol import Columns, DeviceData, Program
from hpcsweep.training.state.variables import State, arrays_sha256

MOST_KEPT = 4096  # rows of metrics, of one data set
_Rows = collections.OrderedDict[tuple[Any, ...], Columns]
known_rows: weakref.WeakKeyDictionary[TrainingData, _Rows] = weakref.WeakKeyDictionary()


def evaluate_fresh(setup: Setup, program: Program, data: DeviceData, state: State) -> Columns:
    """Return loss and metrics of `state`, which `program` has loaded, on both parts of the data.

    Runs of one seed that differ in optimizer, learning rate or epochs have the same numbers here. An evaluation changes
    nothing, so a run does not notice whether it was its own; the engine `fit` has Keras evaluate. Nothing is returned
    for a model that cannot be evaluated.
    """
    if not can_be_evaluated(program.model):
        return {}
    if setup.evaluation_key is None:
        return program.evaluate(data)
    rows = known_rows.setdefault(setup.data, collections.OrderedDict())
    weights = arrays_sha256(array for name, array in state.items() if name.startswith("model/"))
    key = (setup.evaluation_key, program.evaluation_batch, program.engine == "fit", weights)
    if key not in rows:
        rows[key] = program.evaluate(data)
        if len(rows) > MOST_KEPT:
            rows.popitem(last=False)
    return rows[key]
