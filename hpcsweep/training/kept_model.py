"""The trained model among a run's files, as Keras's own file: `keras.models.load_model` opens it without hpcsweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpcsweep.files import BEST_MODEL_FILE, MODEL_FILE
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.state.variables import load_state, read_state

FINAL, BEST = ("final", "both", True), ("best", "both")  # earlier releases wrote true


def wants_best(run: RunHandle) -> bool:
    """Whether the weights of the best epoch are to be kept."""
    return run.keep_rule.get("model") in BEST


def keep_models(run: RunHandle, model: Any, best: dict[str, Any] | None, best_epoch: int | None) -> None:
    """Write the model with the weights that it has now, with those of the best epoch, or with both, as the sweep says.

    `best` holds the `epoch` and the `variables` of the best weights that were seen. Why a model cannot be kept is
    recorded as `model_not_kept`; that is no failure of the run.
    """
    if run.folder is None:
        return
    if run.keep_rule.get("model") in FINAL:
        _write(run, model, run.folder / MODEL_FILE)
    if not wants_best(run) or best_epoch is None:
        return
    if best is None or best["epoch"] != best_epoch:
        run.record(model_not_kept=f"the weights of epoch {best_epoch}, the best, were not kept when it was trained")
        return
    final = read_state(model)
    load_state(model, {**final, **best["variables"]})
    _write(run, model, run.folder / BEST_MODEL_FILE)
    load_state(model, final)


def _write(run: RunHandle, model: Any, path: Path) -> None:
    most_mb, mb = run.keep_rule.get("model_mb"), sum(array.nbytes for array in read_state(model).values()) / 1e6
    if most_mb is not None and mb > most_mb:
        run.record(
            model_not_kept=f"it has {mb:.3g} MB, more than the {most_mb:.3g} MB per run that are kept unasked; "
            'write [keep] model = "final" in the sweep file'
        )
        return
    try:
        model.save(path)
    except OSError:
        raise
    except Exception as error:  # whatever the code of a user's layer raises when it is to say how it was made
        path.unlink(missing_ok=True)
        run.record(model_not_kept=" ".join(f"{type(error).__name__}: {error}".split()))
