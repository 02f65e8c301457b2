"""The files that are kept of a finished run, the trained model among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.files import BEST_MODEL_FILE, MODEL_FILE
from hpcsweep.results.query.select import results_of
from hpcsweep.results.query.values import direction_of, finished, metric_of, value_of
from hpcsweep.store import Store
from hpcsweep.store.opening import Source, StoreSource, open_source, open_store
from hpcsweep.store.results import Result, read_result
from hpcsweep.store.trajectory_folder import ARRAYS
from hpcsweep.sweep.runs import short_id

FILES = {"final": MODEL_FILE, "best": BEST_MODEL_FILE}


def kept_files(source: Source, run: str, *, store: StoreSource = None) -> dict[str, Path]:
    """Return the files that are kept of a finished run: their names in its folder, and where each is.

    `source` is a sweep, or a store (its folder); the run is named by any unique beginning of its id. Raises
    NothingSelectedError if the id fits no run or several, or if the run is not finished.
    """
    opened = open_source(source, store=store)[1]
    result = _result(opened, run)
    folder, run_id, names = opened.folder(result.trajectory), result.id, result.facts.get("files", [])
    matches = [match for name in folder.names() if (match := ARRAYS.fullmatch(name)) and match[1] == run_id]
    places = [folder.files(run_id, int(match[2])) for match in matches]
    return {name: place / name for place in places for name in names if (place / name).is_file()}


def files_left_out(source: Source, run: str, *, store: StoreSource = None) -> dict[str, int]:
    """Return the files of a finished run that were not kept, by the bounds of [keep], and their sizes in bytes.

    What is no regular file has 0. Raises what `kept_files` raises.
    """
    left_out: dict[str, int] = _result(open_source(source, store=store)[1], run).facts.get("files_left_out", {})
    return left_out


def _result(store: Store, run: str) -> Result:
    trajectory_id, run_id = store.find_run(run)
    folder = store.folder(trajectory_id)
    if not folder.has(folder.result(run_id)):
        raise NothingSelectedError(f"run {short_id(run_id)} is not finished: nothing of it is kept yet")
    return read_result(folder, run_id, with_arrays=False)


def model(run: str, *, source: Source | None = None, store: StoreSource = None, weights: str = "final") -> Path:
    """Return the file of a run's trained model, which `keras.models.load_model` opens.

    The run is named by any unique beginning of its id. `weights`: "final", or "best" for those of its best epoch.
    Without a `source`, a sweep or a store, and a `store`, the environment or the working folder decides, as on the
    command line. Raises what `kept_files` raises, and NothingSelectedError, with the reason, if no such model was kept.
    """
    if weights not in FILES:
        raise UsageError(f'model: found weights "{weights}", expected one of {", ".join(FILES)}')
    opened = open_store(store) if source is None else open_source(source, store=store)[1]
    files = kept_files(opened, run)
    if FILES[weights] in files:
        return files[FILES[weights]]
    result = _result(opened, run)
    facts = result.facts
    left_out = "its file was larger than [keep] allows" if FILES[weights] in facts.get("files_left_out", {}) else ""
    why = facts.get("model_not_kept") or left_out or "its job did not end with fit, or nobody asked for it"
    raise NothingSelectedError(
        f"run {short_id(result.id)} has kept no model with its {weights} weights: {why}; expected "
        f'[keep] model = "{weights}" in the sweep file when it is trained'
    )


@dataclass(frozen=True)
class BestModel:
    """The model of the run that is best by a value.

    `run` is the run's id, `path` the file, `number` the run's number in the table. `epoch` is the one whose weights the
    file holds, and `number_there` what the metric was then, both None if the job has logged no such metric.
    """

    run: str
    path: Path
    number: float
    epoch: int | None
    number_there: float | None

    @property
    def gives_the_number(self) -> bool:
        """Whether these weights have, as far as the history tells, the number by which the run is the best."""
        return self.number_there is None or self.number_there == self.number


def best_model(source: Source, best: str, *, where: str | None = None, store: StoreSource = None) -> BestModel:
    """Return the model of the run that is best by a value, such as `max_val_accuracy`.

    It is the one with the weights that gave the value, if that was kept; or else another of the same run. `where` is a
    condition that runs must fulfil. Raises NothingSelectedError if none is finished or has a model, UsageError if it is
    not known whether more or less of the value is better.
    """
    opened = open_source(source, store=store)[1]
    results = results_of(source, where=where, store=store)
    value = value_of(results, best)
    way = value.better or direction_of(results, best)
    order = value.numbers if way == "max" else -value.numbers
    able = finished(results, value)
    if not able.any():
        raise NothingSelectedError(f"{results.title}: no finished run has a number for {best}")
    at = int(np.flatnonzero(able)[order[able].argmax()])
    run_id, number = results.column("id")[at], float(value.numbers[at])
    result = read_result(opened.folder(opened.find_run(run_id)[0]), run_id)
    files, metric = kept_files(opened, run_id), metric_of(results, best) or best
    kept = [
        BestModel(run_id, files[FILES[weights]], number, epoch, _value_at(result, metric, epoch))
        for weights, epoch in _epochs_of_weights(result)
        if FILES[weights] in files
    ]
    right = next((one for one in kept if one.number_there == number), None)
    return right or (kept[0] if kept else BestModel(run_id, model(run_id, source=opened), number, None, None))


def _epochs_of_weights(result: Result) -> Iterator[tuple[str, int | None]]:
    """Give the epoch of the final and of the best weights; that of the best is not known where there are phases."""
    facts = result.facts
    best = None if "phases" in facts else facts.get("best_epoch")
    yield "final", best if facts.get("best_restored") else result.epoch
    yield "best", best


def _value_at(result: Result, metric: str, epoch: int | None) -> float | None:
    """Return a metric in an epoch of a run; None if it was not logged then."""
    if epoch is None or metric not in result.history:
        return None
    rows = np.flatnonzero(result.history["epoch"] == epoch)
    return float(result.history[metric][rows[0]]) if len(rows) else None
