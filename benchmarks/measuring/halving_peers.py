"""One peer of [halving] on the same net, data and settings, in its own way: one seed per setting, plain Keras.

    python measuring/halving_peers.py optuna|keras-tuner|ray [--small]

Prints a JSON object: the best validation accuracy among what was trained to the last epoch and its setting, how many
nets that were, the epochs trained, and processor seconds. Needs NumPy, TensorFlow, Keras and the peer, not hpcsweep.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from measuring import machine, mnist, nets

FACTOR = 3
Setting = dict[str, Any]


def build(setting: Setting) -> Any:
    """Return the net of a setting."""
    widths = [setting["neurons"]] * setting["layers"]
    return nets.dense(widths, setting["optimizer"], setting["learning_rate"])


def train(setting: Setting, after: Callable[[int, float], bool], epochs: int) -> None:
    """Train epoch by epoch, until `after` (the epoch, the validation accuracy) says no."""
    import keras

    keras.utils.set_random_seed(0)
    x, y, x_val, y_val = mnist.images()
    model = build(setting)

    def told(epoch: int, logs: dict[str, float]) -> None:
        model.stop_training = not after(epoch + 1, float(logs["val_accuracy"]))

    tell = keras.callbacks.LambdaCallback(on_epoch_end=told)
    data = {"validation_data": (x_val, y_val), "batch_size": mnist.BATCH_SIZE, "epochs": epochs, "verbose": 0}
    model.fit(x, y, callbacks=[tell], **data)


class Record:
    """What is to be trained, and what was: all epochs, and the accuracies after the last one."""

    def __init__(self, grid: dict[str, list[Any]], rungs: Sequence[int]) -> None:
        self.grid, self.first, self.last = grid, rungs[0], rungs[-1]
        self.epochs = 0
        self.final: list[tuple[float, Setting]] = []

    def add(self, epoch: int, accuracy: float, setting: Setting) -> None:
        """Count one more epoch."""
        self.epochs += 1
        if epoch == self.last:
            self.final.append((accuracy, setting))


def with_optuna(record: Record) -> float:
    """Try the grid with Optuna's successive halving."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: Any) -> float:
        setting = {name: trial.suggest_categorical(name, values) for name, values in record.grid.items()}
        last = 0.0

        def after(epoch: int, accuracy: float) -> bool:
            nonlocal last
            record.add(epoch, accuracy, setting)
            trial.report(accuracy, epoch)
            last = accuracy
            return not trial.should_prune()

        train(setting, after, record.last)
        return last

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.GridSampler(record.grid, seed=0),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=record.first, reduction_factor=FACTOR),
    )
    study.optimize(objective)
    return 0.0


def with_keras_tuner(record: Record) -> float:
    """Search the grid's values with keras-tuner's Hyperband, which draws its own settings."""
    import keras
    import keras_tuner

    x, y, x_val, y_val = mnist.images()

    class Net(keras_tuner.HyperModel):  # type: ignore[misc]
        def build(self, hp: Any) -> Any:
            # of the whole grid: where nothing new is left to draw, Hyperband stops before it has promoted anything
            return build({name: hp.Choice(name, values) for name, values in mnist.GRID.items()})

        def fit(self, hp: Any, model: Any, *args: Any, **options: Any) -> Any:
            chosen = {name: hp.get(name) for name in record.grid}
            told = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: record.add(epoch + 1, float(logs["val_accuracy"]), chosen)
            )
            return model.fit(*args, **{**options, "callbacks": [*options["callbacks"], told]})

    folder = tempfile.mkdtemp()
    options = {"objective": "val_accuracy", "max_epochs": record.last, "factor": FACTOR, "seed": 0, "directory": folder}
    tuner = keras_tuner.Hyperband(Net(), **options)
    tuner.search(x, y, validation_data=(x_val, y_val), batch_size=mnist.BATCH_SIZE, verbose=0)
    return 0.0


def with_ray(record: Record) -> float:
    """Try the grid with Ray Tune's ASHA, one trial at a time; return its trials' processor seconds."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler

    epochs = record.last

    def trial(setting: Setting) -> None:
        def after(epoch: int, accuracy: float) -> bool:
            tune.report({"epoch": epoch, "accuracy": accuracy, "processor_s": _processor_s()})
            return True

        train(setting, after, epochs)

    here, shown = str(Path(__file__).parents[1]), {"PYTHONPATH": str(Path(__file__).parents[1])}
    ray.init(num_cpus=1, include_dashboard=False, runtime_env={"env_vars": {**shown, "TF_CPP_MIN_LOG_LEVEL": "3"}})
    scheduler = ASHAScheduler(
        "epoch", "accuracy", "max", max_t=record.last, grace_period=record.first, reduction_factor=FACTOR
    )
    space = {name: tune.grid_search(values) for name, values in record.grid.items()}
    tuner = tune.Tuner(trial, param_space=space, tune_config=tune.TuneConfig(scheduler=scheduler))
    trained_s = 0.0
    for result in tuner.fit():
        frame = result.metrics_dataframe
        if frame is None:
            raise SystemExit(f"a trial failed: {result.error} ({here})")
        for epoch, accuracy in zip(frame["epoch"], frame["accuracy"], strict=True):
            record.add(int(epoch), float(accuracy), dict(result.config or {}))
        trained_s += float(frame["processor_s"].iloc[-1])
    return trained_s


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


PEERS = {"optuna": with_optuna, "keras-tuner": with_keras_tuner, "ray": with_ray}

if __name__ == "__main__":
    machine.one_thread_on_one_core()
    kept = Record(*(mnist.SMALL if sys.argv[2:] else mnist.WHOLE))
    elsewhere_s = PEERS[sys.argv[1]](kept)
    accuracy, setting = max(kept.final, key=lambda one: one[0])
    found = {"best": accuracy, "setting": setting, "final": len(kept.final), "epochs": kept.epochs}
    print(json.dumps({"peer": sys.argv[1], **found, "processor_s": round(_processor_s() + elsewhere_s)}))
