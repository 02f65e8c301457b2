"""What a training begins with: a run of more epochs that goes on from it must begin with the same.

A job that makes its learning rate, a schedule or a callback of `epochs` trains another net for each number of epochs;
its runs are no points of one trajectory, and only the job can say so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hpcsweep.errors import JobError
from hpcsweep.files import sha256_hex
from hpcsweep.training.keras_private import learning_rate_of
from hpcsweep.training.state.reachable import settings_of

_LONGEST = 32  # of a value that says something; longer ones are digests


def beginning_of(model: Any, key: str | None, epochs: int, batch_size: int | None) -> dict[str, Any]:
    """Return what tells how a model begins: `key` is that of its architecture, None if it has parts of the user's."""
    rate = None if model.optimizer is None else learning_rate_of(model.optimizer)
    own = {} if key is not None else {"the model, or what it was compiled with": sha256_hex(_text_of(model).encode())}
    numbers = {"batch_size": str(batch_size), "the learning rate": _value(rate)}
    return {
        "epochs": epochs,
        "numbers": {**numbers, **own, "the model, what it was compiled with, or the shape of the data": str(key)},
    }


def require_same_beginning(saved: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> None:
    """Raise JobError if a checkpoint was made on the way to another number of epochs, from another beginning."""
    began = (saved or {}).get("began")
    if now is None or began is None or began["epochs"] == now["epochs"]:
        return
    numbers = {**dict.fromkeys(now["numbers"]), **began["numbers"]}
    for name, then in numbers.items():
        if now["numbers"].get(name) != then:
            values = [str(then), str(now["numbers"].get(name))]
            known = f" ({values[0]}, now {values[1]})" if "None" not in values and len(values[0]) < _LONGEST else ""
            raise JobError(
                f"this run would go on from one of {began['epochs']} epochs that began otherwise: {name}{known} "
                "depends on epochs; expected @job_options(shares_epochs=False) on the job, to train each from the start"
            )


def _value(rate: Any) -> str:
    return repr(float(np.asarray(rate.numpy()))) if hasattr(rate, "numpy") else type(rate).__name__


def _text_of(model: Any) -> str:
    """Return all plain settings of a model, its optimizer and losses that can be asked for."""
    found = [*settings_of(model).items()]
    for ask in (model.get_compile_config, model.get_config, getattr(model.optimizer, "get_config", dict)):
        with contextlib.suppress(Exception):  # parts of the user's need not tell
            found += list(_leaves(ask(), ask.__qualname__))
    return repr(found)


def _leaves(config: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield from _leaves(value, f"{path}.{name}")
    elif isinstance(config, (list, tuple)):
        for index, value in enumerate(config):
            yield from _leaves(value, f"{path}[{index}]")
    elif config is None or isinstance(config, (bool, int, float, str)):
        yield path, repr(config)
