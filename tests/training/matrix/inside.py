"""Run by the Python of one pair of releases: what each engine does there, as JSON on the last line."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from hpcsweep.errors import HpcsweepError
from hpcsweep.machine import old_keras

JOBS = {
    "fit": "from hpcsweep.training import fit\n\ndef train(run, *, epochs: int = 2):\n    fit(run, None, None)\n",
    "own": """
import numpy as np
from tensorflow import keras

def train(run, *, epochs: int = 2):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    x = np.ones((8, 4), np.float32)
    return {"loss": model.fit(x, x[:, :2], epochs=epochs, verbose=0).history["loss"][-1]}
""",
}


def bits_of_engines() -> dict[str, str]:
    """Return what comes of each engine: bit-equal to Keras alone, or what else."""
    from tests.training import nets
    from tests.training.test_equality import CASES, ENGINES, FOR_XLA, keras_alone, through_fit

    found: dict[str, Counter[str]] = {engine: Counter() for engine in ENGINES}
    for jit, engines in ((nets.BACKEND == "jax", ENGINES[:2]), (True, ENGINES[2:])):
        for build, data, batch_size in (CASES if engines == ENGINES[:2] else FOR_XLA.values()) if engines else ():
            expected = keras_alone(build, data, batch_size, jit=jit)
            for engine in engines:
                found[engine][_outcome(lambda: through_fit(build, data, batch_size, engine), expected)] += 1  # noqa: B023
    return {engine: _in_words(outcomes) for engine, outcomes in found.items()}


def _outcome(train: Callable[[], object], expected: object) -> str:
    try:
        return "equal" if train() == expected else "differs"
    except HpcsweepError as error:
        return f"refused: {error}"
    except AssertionError:
        return "falls back"


def _in_words(outcomes: Counter[str]) -> str:
    total = sum(outcomes.values())
    if outcomes == {"equal": total}:
        return f"bit-equal ({total} nets)"
    return ", ".join(f"{outcome}: {count} of {total} nets" for outcome, count in outcomes.most_common())


def kinds_of_jobs() -> dict[str, str]:
    """Return what comes of a job with `fit`, and of one that calls its own `model.fit`, with an old Keras."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("jobs", "sweeps"):
            Path(folder, name).mkdir()
        for name, job in JOBS.items():
            Path(folder, "jobs", f"{name}.py").write_text(job)
            sweep = Path(folder, "sweeps", f"{name}.toml")
            sweep.write_text(f'name = "{name}"\njob = "jobs/{name}.py:train"\n[grid]\nepochs = [1, 2]\n')
            command = [sys.executable, "-c", "from hpcsweep.cli import main; main()", "run", "--quiet", str(sweep)]
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            found[name] = _ending(ended)
    return {"fit": found["fit"], "own": found["own"]}


def _ending(ended: subprocess.CompletedProcess[str]) -> str:
    said = ended.stderr.strip().splitlines()
    if ended.returncode == 2 and "expected 3.3 or newer" in said[-1]:
        return "refused in one line"
    return "works" if ended.returncode == 0 else f"fails: {said[-1]}"


if __name__ == "__main__":
    print(json.dumps(kinds_of_jobs() if old_keras() else bits_of_engines()))
