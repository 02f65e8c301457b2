"""Memory of a worker over many fresh runs, and of fresh Keras models trained by `model.fit` in one process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from measuring.study import environment, temporary_study, work_on, write_sweep

MEGABYTE = 2**20
IMAGES, VALIDATE = 2_000, 400
SHOWN = (1, 2, 5, 10, 20, 50, 100, 150, 200)


def report(*, quick: bool) -> Iterator[str]:
    """Yield the curves: resident MB after each of some runs."""
    yield f"resident MB of one process after so many fresh runs (dense 8-8-10, {IMAGES} images, an epoch each)"
    for side, runs in (("compiled", 200), ("compiled-xla", 200), ("model.fit", 40)):
        command = [
            sys.executable,
            "-c",
            f"from measuring.memory import curve; curve({side!r}, {runs // (4 if quick else 1)})",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
        if done.returncode:
            raise SystemExit(done.stderr)
        yield _line(side, [float(word) for word in done.stdout.splitlines()[-1].split()])  # after what the worker says


def _line(side: str, curve: list[float]) -> str:
    points = "  ".join(f"{runs}: {curve[runs - 1]:.0f}" for runs in SHOWN if runs <= len(curve))
    tail = curve[len(curve) // 4 :]
    return f"{side:13} {points}   last three quarters: {(tail[-1] - tail[0]) / (len(tail) - 1):+.2f} MB per run"


def curve(side: str, runs: int) -> None:
    """Print the resident MB of this process after each run."""
    sizes = _models(runs) if side == "model.fit" else _worker(side, runs)
    print(*(f"{size:.1f}" for size in sizes))


def _worker(engine: str, runs: int) -> list[float]:
    from hpcsweep.worker import trajectory

    sizes: list[float] = []
    publish = trajectory.publish_files

    def publish_and_look(*arguments: object) -> None:
        publish(*arguments)
        sizes.append(_resident_mb())

    trajectory.publish_files = publish_and_look
    fixed = {"layers": 2, "neurons": 8, "images": IMAGES, "validate": VALIDATE, "epochs": 1}
    with temporary_study() as root:
        work_on(write_sweep(root, "memory", repeats=runs, fixed=fixed, training={"engine": engine}))
    return sizes


def _models(runs: int) -> list[float]:
    import keras

    from hpcsweep.data import load
    from measuring import nets

    data, sizes = load("synthetic", train=IMAGES, validate=VALIDATE), []
    for seed in range(runs):
        keras.utils.set_random_seed(seed)
        model = nets.dense([8, 8])
        model.fit(data.x, data.y, batch_size=32, validation_data=(data.x_val, data.y_val), verbose=0)
        del model
        keras.backend.clear_session()
        sizes.append(_resident_mb())
    return sizes


def _resident_mb() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / MEGABYTE
