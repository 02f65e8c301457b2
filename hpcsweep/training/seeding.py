"""Seeds: a model built after `seed_everything` equals the one built in a new process, whatever ran before."""

from __future__ import annotations

import hashlib
import random
import weakref
from typing import Any

import keras

from hpcsweep.errors import JobError
from hpcsweep.training.keras_private import draws_its_seed, dtype_policy_of_this_thread, layers_of, restart_names
from hpcsweep.training.programs.backend import backend

_LARGEST = 2**32 - 1  # what NumPy's and TensorFlow's global generators take


class _Seeded:
    """What was seeded last in this process, to notice models that were built before it."""

    def __init__(self) -> None:
        self.seed: int | None = None
        self.python_state: Any = None
        self.dtype_policy: Any = None
        self.trained: weakref.WeakSet[Any] = weakref.WeakSet()


_last = _Seeded()


def seed_everything(seed: int, precision: str | None = None) -> None:
    """Seed Python, NumPy, Keras and its backend, and start Keras's automatic names afresh.

    `precision`: the dtype policy of the models to come, such as "mixed_bfloat16"; as it is if None.
    """
    backend().seed(_folded(seed))
    restart_names()  # else the second run's AUC metric would be called "auc_1", and its history differ
    _share_dtype_policy()
    if precision is not None:
        keras.config.set_dtype_policy(precision)
    _last.seed, _last.python_state = seed, random.getstate()


def _share_dtype_policy() -> None:
    """Give this thread the policy of the others: Keras keeps one a thread, and a job file is loaded in one of them."""
    own = dtype_policy_of_this_thread()
    if own is not None:
        _last.dtype_policy = own
    elif _last.dtype_policy is not None:
        keras.config.set_dtype_policy(_last.dtype_policy)


def require_fresh(model: Any, seed: int, *, again: bool = False) -> None:
    """Raise JobError unless `model` was built for the run with this seed, after seeding, and never trained.

    `again`: it was trained before in this very run, in another phase of it.
    """
    if model in _last.trained and not again:
        raise JobError(
            "fit was given a model that was trained before; build a new model inside the job function, in every call"
        )
    if _last.seed != seed:
        raise JobError(
            f"Keras is not seeded for this run (seed {seed}); expected seed_everything(run.seed) "
            "before the model is built"
        )
    if random.getstate() == _last.python_state and _draws_seeds(model):
        raise JobError(
            "the model was built before this run was seeded; build it inside the job function, after the job was called"
        )
    _last.trained.add(model)


def _draws_seeds(model: Any) -> bool:
    return any(draws_its_seed(value) for layer in layers_of(model) for value in vars(layer).values())


def _folded(seed: int) -> int:
    if 0 <= seed <= _LARGEST:
        return seed
    return int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:4], "big")
