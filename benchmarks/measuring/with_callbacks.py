"""What callbacks that act between epochs cost: whole calls of `fit` with three of them, against calls with none."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from measuring.alternating import Side, Stopwatch, Took, measure_alternately, ratio
from measuring.cases import Case, all_cases
from measuring.memory_run import MemoryRun

EPOCHS = 20
ENGINES = ("compiled", "compiled-xla")


def table(rounds: int, shrink: int, only: str) -> Iterator[str]:
    """Measure each net with each compiled engine; yield a line each."""
    yield f"{'net':28} {'engine':13} speed with callbacks, of that without: median, range, processor"
    with tempfile.TemporaryDirectory() as folder:
        for case in all_cases(rounds, shrink)[:2]:
            if only in case.name:
                for engine in ENGINES:
                    yield _line(case, engine, Path(folder))


def _line(case: Case, engine: str, folder: Path) -> str:
    from hpcsweep.data import load

    data = load("synthetic", train=case.train, validate=case.validate)
    none = Side("none", _training(case, data, engine, list))
    three = Side("three", _training(case, data, engine, lambda: _callbacks(folder)))
    measure_alternately([none, three], case.rounds)
    return f"{case.name:28} {engine:13} {ratio(none, three)}"


def _training(case: Case, data: Any, engine: str, callbacks: Callable[[], list[Any]]) -> Callable[[], Took]:
    from hpcsweep.training import fit, seed_everything

    def train() -> Took:
        run = MemoryRun(0, EPOCHS, engine)
        seed_everything(0)
        model = case.build()
        watch = Stopwatch()
        fit(run, model, data, batch_size=case.batch_size, callbacks=callbacks())
        return watch.took(EPOCHS)

    return train


def _callbacks(folder: Path) -> list[Any]:
    import keras

    return [
        keras.callbacks.EarlyStopping("val_loss", patience=EPOCHS),
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=3),
        keras.callbacks.CSVLogger(folder / "log.csv"),
    ]
