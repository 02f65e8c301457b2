"""What a model changes in training and no checkpoint can keep: named, never lost without a word."""

from __future__ import annotations

from typing import Any

from hpcsweep.errors import JobError
from hpcsweep.training.state.reachable import known_elsewhere, settings_of, variables_elsewhere

_ELSE = 'or say fit(..., resume="restart"), and an interrupted run begins anew'


class Unkept:
    """Looks at plain attributes and variables of a model's own classes: those may not change, these not come anew."""

    def __init__(self, model: Any) -> None:
        """Note how they are before training."""
        self._model = model
        self._settings = settings_of(model)

    def require_none(self) -> None:
        """Raise JobError for the first that has changed, or was made in training."""
        now = settings_of(self._model)
        changed = [path for path in {**self._settings, **now} if self._settings.get(path) != now.get(path)]
        if changed:
            owner, _, attribute = changed[0].rpartition(".")
            raise JobError(
                f"attribute `{attribute}` of `{owner}` changes in training and is not saved; make it a keras.Variable, "
                f"which is, {_ELSE}"
            )
        made = [path for path in variables_elsewhere(self._model) if path not in known_elsewhere(self._model)]
        if made:
            raise JobError(
                f"the variable {made[0]} was made in training, so a run that goes on would not have it; make it before "
                f"fit is called (an optimizer by its build method), {_ELSE}"
            )
