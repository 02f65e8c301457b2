"""The state of a run: everything that training changes, as plain arrays in an order that does not depend on names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpcsweep.errors import StoreError
from hpcsweep.training.keras_private import make_shared_seeds, shared_seeds
from hpcsweep.training.state.reachable import known_elsewhere

State = dict[str, NDArray[Any]]
"""Variables by kind and number: `model/0`, ... (weights and seeds), `optimizer/0`, ... (with its learning rate), and
inside an epoch `metrics/0`, ... ."""


_SHARED_SEEDS = "seeds/0"
_BETWEEN_EPOCHS, _WITHIN_EPOCH = 1, 2  # the formats of checkpoints


def state_variables(model: Any) -> dict[str, Any]:
    """Return the Keras variables that training `model` changes, by kind and number.

    Metrics are not among them: they are reset at the start of every epoch. What the model's own lists leave out (a
    second optimizer, a variable of the backend) goes by its path, as `elsewhere/...`.
    """
    optimizer = getattr(getattr(model, "optimizer", None), "variables", [])  # of one that is not compiled, none
    elsewhere = {f"elsewhere/{path}": variable for path, variable in known_elsewhere(model).items()}
    return {**_named("model", model.variables), **_named("optimizer", optimizer), **elsewhere}


def _named(kind: str, variables: list[Any]) -> dict[str, Any]:
    return {f"{kind}/{index}": variable for index, variable in enumerate(variables)}


def read_state(model: Any) -> State:
    """Copy the state out of a built model and its built optimizer."""
    state = {name: np.array(variable.numpy()) for name, variable in state_variables(model).items()}
    shared = shared_seeds()
    if shared is not None:  # what layers draw from that call keras.random without a seed of their own
        state[_SHARED_SEEDS] = np.array(shared.state.numpy())
    return state


def shared_seeds_text() -> str:
    """Return the state of the seeds that whatever has none of its own draws from, as text; empty before the first."""
    seeds = shared_seeds()
    return "" if seeds is None else repr(np.array(seeds.state.numpy()).tolist())


def read_metrics(model: Any) -> State:
    """Copy out what the metrics have gathered, which belongs to a state that lies inside an epoch."""
    return {name: np.array(variable.numpy()) for name, variable in _metrics(model).items()}


def _metrics(model: Any) -> dict[str, Any]:
    return _named("metrics", model.metrics_variables)


def load_state(model: Any, state: State) -> None:
    """Write `state` into the variables of `model`; StoreError if it is a state of another architecture."""
    is_within_epoch = any(name.startswith("metrics/") for name in state)
    variables = {**state_variables(model), **(_metrics(model) if is_within_epoch else {})}
    expected = {name: (tuple(variable.shape), _type_of(variable)) for name, variable in variables.items()}
    found = {name: (array.shape, str(array.dtype)) for name, array in state.items() if name != _SHARED_SEEDS}
    for name in {**expected, **found}:
        if expected.get(name) != found.get(name):
            raise StoreError(
                f"a saved state has {name} {found.get(name)}, the model {expected.get(name)}; "
                "expected the same architecture and optimizer (was the job changed?)"
            )
    for name, variable in variables.items():
        variable.assign(state[name])
    if _SHARED_SEEDS in state:
        make_shared_seeds().state.assign(state[_SHARED_SEEDS])


def _type_of(variable: Any) -> str:
    """Return the name of a variable's type, of Keras's or of the backend's."""
    return str(getattr(variable.dtype, "name", variable.dtype))


def checkpoint_of(
    engine: str,
    epoch: int,
    variables: State,
    divergences: list[dict[str, Any]],
    within: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a checkpoint holds: the state after `epoch`, or `within` the next one, and what led there."""
    whole = {"backend": keras.config.backend(), "engine": engine, "epoch": epoch, "divergences": divergences}
    place = {"format": _BETWEEN_EPOCHS} if within is None else {"format": _WITHIN_EPOCH, "within": within}
    return {**place, **whole, "variables": variables}


def require_usable(saved: dict[str, Any], *, phase: str | None, is_stream: bool) -> None:
    """Raise StoreError if a checkpoint is of an unknown format, or of another backend, whose numbers would differ.

    Or if it was made in another `phase`, or from data that came in batches where now they do not, or the other way.
    """
    found = (saved.get("phase"), "stream" in saved)
    if found != (phase, is_stream):
        words = ["in batches" if stream else "as arrays" for stream in (found[1], is_stream)]
        raise StoreError(
            f"this run's checkpoint was made in {_phase_in_words(found[0])} with data {words[0]}, and now there is "
            f"{_phase_in_words(phase)} with data {words[1]}; expected the same (was the job changed?)"
        )
    if saved["format"] not in (_BETWEEN_EPOCHS, _WITHIN_EPOCH):
        raise StoreError(
            f"a checkpoint of Keras training has format {saved['format']}; expected {_BETWEEN_EPOCHS} or "
            f"{_WITHIN_EPOCH} (was it made by a later hpcsweep?)"
        )
    made, now = saved.get("backend", "tensorflow"), keras.config.backend()
    if made != now:
        raise StoreError(
            f"this run's checkpoint was made with Keras on {made}, and Keras is on {now} here; expected the same "
            f'backend ([training] backend = "{made}" goes on; another --store trains anew)'
        )


def _phase_in_words(phase: str | None) -> str:
    return "no phase" if phase is None else f"the phase {phase}"


def weights_sha256(model: Any) -> str:
    """Return the SHA-256 over shape, type and bytes of every weight of `model`, in the order of its layers."""
    return arrays_sha256(np.asarray(weight.numpy()) for weight in model.weights)


def arrays_sha256(arrays: Iterable[NDArray[Any]]) -> str:
    """Return the SHA-256 over shape, type and bytes of `arrays`."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape};".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
