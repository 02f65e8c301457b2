"""Keras callbacks that live one life: begun once, ended once, through any number of stops and resumes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hpcsweep.errors import UsageError
from hpcsweep.machine import zip_equal
from hpcsweep.training.keras_private import OF_CALLBACKS, OF_TENSORBOARD
from hpcsweep.training.loops.beginning import require_same_beginning
from hpcsweep.training.state.attributes import changes_since, give_attributes, keep_attributes, numbers_in

_Callback = keras.callbacks.Callback
_WITHIN_EPOCHS = (
    *("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end"),
    *("on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end"),
)
_SAME_FOR_ALL = (
    *(keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau),
    *(keras.callbacks.TerminateOnNaN, keras.callbacks.CSVLogger),
)
"""Callbacks that refer to no model but the one they are given, so that runs may go on sharing their programs."""


class Callbacks:
    """The callbacks of one run. Their state is a part of its checkpoints."""

    def __init__(self, callbacks: Any) -> None:
        """Take what `keras.Model.fit` takes; UsageError names what cannot be honoured."""
        given = [] if callbacks is None else keras.tree.flatten(callbacks)
        given = [
            callback for callback in given if not isinstance(callback, keras.callbacks.ProgbarLogger)
        ]  # only shows
        for callback in given:
            _require_possible(callback)
        self.given: tuple[Any, ...] = tuple(given)
        self._all = [*given, keras.callbacks.History()] if given else []
        self._fresh: list[Any] | None = None
        self._model: Any = None
        self._params = _Params()
        self._began: dict[str, Any] | None = None
        self._relay: _Relay | None = None
        self.stopped = False

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.given)

    @property
    def within_epochs(self) -> bool:
        """Whether one of them acts inside epochs, so that only `model.fit` can call it."""
        return any(_acts_within_epochs(callback) for callback in self.given)

    @property
    def may_share_programs(self) -> bool:
        """Whether the model that is trained need not be the very one that the job has made."""
        return all(type(callback) in _SAME_FOR_ALL for callback in self.given)

    def relay(self) -> tuple[Any, ...]:
        """Return what `model.fit` is given: one callback that passes on what happens inside epochs."""
        self._relay = _Relay(self._all) if self.within_epochs else None
        return () if self._relay is None else (self._relay,)

    def attach(self, model: Any, *, epochs: int, steps: int | None) -> None:
        """Have them act on `model`."""
        self._model, self._params = model, _Params(verbose=0, epochs=epochs, steps=steps)
        for callback in self._all:
            callback.set_params(self._params)
            callback.set_model(model)
        if self._all:
            model.history = self._all[-1]

    def begin(self, *, kept: bool = True) -> None:
        """Begin their life, or, where the training begins again, a new one.

        If they shall be `kept` in checkpoints, what cannot be is refused now, before anything is trained.
        """
        self.stopped = False
        if not self._all:
            return
        if self._fresh is not None:
            for callback, fresh in zip_equal(self._all, self._fresh):
                _give(callback, fresh)
        elif kept:
            self._make_fresh()
        self._model.stop_training = False
        self.listen(True)
        for callback in self._all:
            callback.on_train_begin({})
        if kept:
            self.state()

    def epoch_begins(self, epoch: int) -> None:
        """Tell of an epoch, counted from 0 as Keras counts."""
        for callback in self._all:
            callback.on_epoch_begin(epoch, {})

    def epoch_ends(self, epoch: int, logs: dict[str, float]) -> dict[str, float]:
        """Tell of the end of an epoch; return the metrics that the callbacks have added to its `logs`."""
        if not self._all:
            return {}
        known = set(logs)
        for callback in self._all:
            callback.on_epoch_end(epoch, logs)
        self.stopped = self.stopped or bool(self._model.stop_training)
        return {name: float(value) for name, value in logs.items() if name not in known and _is_number(value)}

    def end(self, logs: dict[str, float]) -> None:
        """End their life."""
        for callback in self._all:
            callback.on_train_end(logs)

    def listen(self, is_heard: bool) -> None:
        """Pass on what happens inside epochs from now on, or not: what is measured or passed over is no training."""
        if self._relay is not None:
            self._relay.mute = not is_heard

    def state(self) -> dict[str, Any]:
        """Return what they remember, for a checkpoint; JobError names what cannot be kept."""
        pairs = zip_equal(self._all, self._fresh or [])
        began = self._began
        if began is not None and self._params.told_epochs:
            began = {**began, "numbers": {**began["numbers"], "what a callback reads in its params": "epochs"}}
        return {
            "stopped": self.stopped,
            "began": began,
            "each": [_changed(callback, fresh) for callback, fresh in pairs],
        }

    def go_on(self, state: dict[str, Any] | None) -> None:
        """Go on with what they remembered. They were begun already, so they are not begun again."""
        if not self._all:
            return
        each = [] if state is None else state["each"]
        if [kept["class"] for kept in each] != [_name(callback) for callback in self._all]:
            found = ", ".join(kept["class"] for kept in each[:-1]) or "none"
            raise UsageError(
                f"fit: this run's checkpoint was made with the callbacks {found}; expected the same now (was the job "
                "changed?)"
            )
        self.listen(True)
        self.stopped = bool(state and state["stopped"])
        self._make_fresh()
        require_same_beginning(state, self._began)
        for callback, kept in zip_equal(self._all, each):
            if isinstance(callback, keras.callbacks.TensorBoard):
                callback.on_train_begin({})
            _give(callback, kept)

    def _make_fresh(self) -> None:
        """Note what they hold before training."""
        self._fresh = [_keep(callback) for callback in self._all]
        each = [numbers_in(kept.get("attributes", {}), kept["class"]) for kept in self._fresh]
        self._began = {"epochs": self._params.get("epochs"), "numbers": dict(itertools.chain(*each))}


class _Params(dict[str, Any]):
    """What Keras tells callbacks; notes whether one asks for the number of epochs."""

    told_epochs = False

    def __getitem__(self, name: str) -> Any:
        self.told_epochs = self.told_epochs or name == "epochs"
        return super().__getitem__(name)


class _Relay(keras.callbacks.Callback):
    """Passes on what happens inside epochs; where they begin and end, the training loop knows better."""

    def __init__(self, callbacks: Sequence[Any]) -> None:
        super().__init__()
        self._callbacks = callbacks
        self.mute = True

    def __getattribute__(self, name: str) -> Any:
        if name not in _WITHIN_EPOCHS or name in ("on_batch_begin", "on_batch_end"):
            return super().__getattribute__(name)

        def tell_all(*given: Any, **named: Any) -> None:
            for callback in () if self.mute else self._callbacks:
                getattr(callback, name)(*given, **named)

        return tell_all


def _require_possible(callback: Any) -> None:
    if not isinstance(callback, _Callback):
        raise UsageError(f"fit: a callback is a {type(callback).__name__}; expected one of keras.callbacks.Callback")
    if isinstance(callback, keras.callbacks.BackupAndRestore):
        raise UsageError(
            "fit: BackupAndRestore among the callbacks; expected none: fit keeps and restores every run by itself"
        )
    if isinstance(callback, keras.callbacks.CSVLogger) and callback.append:
        raise UsageError(
            "fit: CSVLogger(append=True); expected append=False: a run that goes on appends to its own file by itself"
        )


def _acts_within_epochs(callback: Any) -> bool:
    own = [name for name in _WITHIN_EPOCHS if _overrides(callback, name)]
    if type(callback) is keras.callbacks.ModelCheckpoint and callback.save_freq == "epoch":
        return False
    return bool(own)


def _overrides(callback: Any, name: str) -> bool:
    return name in vars(callback) or getattr(type(callback), name) is not getattr(_Callback, name)


def _is_number(value: Any) -> bool:
    return not isinstance(value, str) and np.ndim(value) == 0 and np.asarray(value).dtype.kind in "fiub"


def _name(callback: Any) -> str:
    return type(callback).__name__


def _keep(callback: Any) -> dict[str, Any]:
    kept: dict[str, Any] = {"class": _name(callback)}
    if isinstance(callback, keras.callbacks.CSVLogger):
        file = Path(callback.filename)
        written = file.read_bytes() if getattr(callback, "csv_file", None) is not None and file.exists() else b""
        return {**kept, "keys": callback.keys, "written": np.frombuffer(written, dtype=np.uint8)}
    leave = OF_CALLBACKS
    if isinstance(callback, keras.callbacks.TensorBoard):
        leave |= OF_TENSORBOARD
    return {**kept, "attributes": keep_attributes(callback, _name(callback), leave=leave)}


def _changed(callback: Any, fresh: dict[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint has to hold of a callback that was `fresh` when it was made."""
    kept = _keep(callback)
    if "attributes" in kept:
        kept["attributes"] = changes_since(fresh["attributes"], kept["attributes"], _name(callback))
    return kept


def _give(callback: Any, kept: dict[str, Any]) -> None:
    if not isinstance(callback, keras.callbacks.CSVLogger):
        give_attributes(callback, kept["attributes"])
        return
    if len(kept["written"]) or getattr(callback, "csv_file", None) is None:
        Path(callback.filename).write_bytes(kept["written"].tobytes())
    callback.append = True  # its file is as it was at the checkpoint: rows that were written later are written again
    callback.on_train_begin({})
    callback.append, callback.keys, callback.append_header = False, kept["keys"], not len(kept["written"])
