"""One run of the 48 as one writes it without hpcsweep: build a net, call `model.fit`.

python -m measuring.plain_run SPECIFICATION   trains it, and prints its times as JSON
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from typing import Any

import numpy as np


def train(run: dict[str, Any]) -> dict[str, Any]:
    """Train `run["epochs"]` epochs on the arrays in `run["data"]`; return seconds for all and for each epoch."""
    began, _ = _now()
    import keras

    from measuring import nets

    imported, imported_processor = _now()
    with np.load(run["data"]) as data:
        x, y, x_val, y_val = (data[name] for name in ("x", "y", "x_val", "y_val"))
    keras.utils.set_random_seed(run["seed"])
    model = nets.dense([run["neurons"]] * run["layers"], optimizer=run["optimizer"])
    marks = [_now()]
    mark = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: marks.append(_now()))
    model.fit(x, y, batch_size=32, epochs=run["epochs"], validation_data=(x_val, y_val), verbose=0, callbacks=[mark])
    ended, ended_processor = _now()
    epochs = [
        (after - before, after_p - before_p) for (before, before_p), (after, after_p) in itertools.pairwise(marks)
    ]
    return {
        "process": os.getpid(),
        "import_s": imported - began,
        "run_s": [ended - imported, ended_processor - imported_processor],
        "whole_processor_s": ended_processor,  # since the process began
        "epochs_s": epochs,
    }


def _now() -> tuple[float, float]:
    """Return the wall's and this process's processor's seconds."""
    return time.perf_counter(), time.process_time()


if __name__ == "__main__":
    specification = json.loads(sys.argv[1])
    os.sched_setaffinity(0, {specification["core"]})
    print(json.dumps(train(specification)))
