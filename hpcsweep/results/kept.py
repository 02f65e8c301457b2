"""The files that are kept of a finished run, the trained model among them."""

from __future__ import annotations

from pathlib import Path

from hpcsweep.errors import NothingSelectedError
from hpcsweep.files import MODEL_FILE
from hpcsweep.results.query.select import results_of
from hpcsweep.results.query.values import direction_of, finished, value_of
from hpcsweep.store.layout import ARRAYS
from hpcsweep.store.opening import Source, StoreSource, open_source
from hpcsweep.store.results import read_result
from hpcsweep.sweep.runs import short_id


def kept_files(source: Source, run: str, *, store: StoreSource = None) -> dict[str, Path]:
    """Return the files that are kept of a finished run: their names in its folder, and where each is.

    `source` is a sweep, or a store (its folder); the run is named by any unique beginning of its id. Raises
    NothingSelectedError if the id fits no run or several, or if the run is not finished.
    """
    opened = open_source(source, store=store)[1]
    trajectory_id, run_id = opened.find_run(run)
    folder = opened.folder(trajectory_id)
    if not folder.result(run_id).exists():
        raise NothingSelectedError(f"run {short_id(run_id)} is not finished: nothing of it is kept yet")
    names = read_result(folder, run_id, with_arrays=False).facts.get("files", [])
    matches = [match for name in folder.names() if (match := ARRAYS.fullmatch(name)) and match[1] == run_id]
    places = [folder.files(run_id, int(match[2])) for match in matches]
    return {name: place / name for place in places for name in names if (place / name).is_file()}


def model(source: Source, run: str, *, store: StoreSource = None) -> Path:
    """Return the file of a run's trained model, which `keras.models.load_model` opens.

    Raises what `kept_files` raises, and NothingSelectedError if no model was kept.
    """
    files = kept_files(source, run, store=store)
    if MODEL_FILE not in files:
        raise NothingSelectedError(
            f"run {short_id(run)} has kept no model; expected a job that ends with fit, and [keep] model = true in the "
            "sweep file when it is trained (hpcsweep show says more: files, files_left_out, model_not_kept)"
        )
    return files[MODEL_FILE]


def best_model(source: Source, best: str, *, where: str | None = None, store: StoreSource = None) -> tuple[str, Path]:
    """Return the id of the run that is best by a value, such as `max_val_accuracy`, and the file of its model.

    `where` is a condition that runs must fulfil. Raises NothingSelectedError if none is finished or has a model,
    UsageError if it is not known whether more or less of the value is better.
    """
    results = results_of(source, where=where, store=store)
    value = value_of(results, best)
    way = value.better or direction_of(results, best)
    order = value.numbers if way == "max" else -value.numbers
    able = finished(results, value)
    if not able.any():
        raise NothingSelectedError(f"{results.title}: no finished run has a number for {best}")
    ids = results.column("id")[able].tolist()
    run_id = ids[int(order[able].argmax())]
    return run_id, model(source, run_id, store=store)
