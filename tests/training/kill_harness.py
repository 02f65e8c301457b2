"""Kill training at random moments, again and again, and compare with what was never disturbed.

`python -m tests.training.kill_harness FOLDER KILLS [NET ...]`: TensorFlow is imported once, and every attempt is a
child forked before any operation has run. Prints one line of JSON a net. A net called `dropout-in-parts` is trained a
few batches at a time, with a checkpoint after each call, `dropout-xla-in-parts` with XLA, `dropout-fit-in-parts` with
`model.fit`, and of `dense-stacked-in-parts` three seeds in one stack.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hpcsweep.training import fit, seed_everything
from hpcsweep.training.programs import partial_epoch as parts
from hpcsweep.worker.crew import Crew, run_as_crew
from tests.training import nets
from tests.training.harness import FakeRun, outcome

EPOCHS, EPOCHS_IN_PARTS = 60, 4
ENGINES = {"xla": "compiled-xla", "fit": "fit", "stacked": "stacked"}


def train(name: str, folder: Path) -> None:
    """Train in `folder`, going on from the checkpoints there, and leave what came of it in result.json."""
    net, *words = name.split("-")
    engine = next((ENGINES[word] for word in words if word in ENGINES), "compiled")
    in_parts = "parts" in words
    parts.CALL_S = parts.LONG_EPOCH_S = 0.005 if in_parts else parts.CALL_S
    epochs = EPOCHS_IN_PARTS if in_parts else EPOCHS
    runs = []
    for seed in (3, 4, 5) if engine == "stacked" else (3,):
        place = folder / str(seed)
        place.mkdir(exist_ok=True)
        runs.append(FakeRun(epochs, seed=seed, folder=place, checkpoint_every_s=0.0, engine=engine))
    data = nets.images(2000, 500)

    def job(run: FakeRun, crew: Crew) -> None:
        run.crew = crew
        seed_everything(run.seed)
        fit(run, getattr(nets, net)(), data)

    run_as_crew([partial(job, run) for run in runs])
    (folder / "result.json").write_text(json.dumps([outcome(run) for run in runs], sort_keys=True))


def in_child(work: Callable[[], None], kill_after_s: float | None) -> bool:
    """Do `work` in a forked child, killed after a while; whether it came to its end."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise RuntimeError("the child failed by itself")
    return os.WIFEXITED(status)


def prove(net: str, folder: Path, kills: int, chance: random.Random) -> dict[str, object]:
    """Train `net` undisturbed, then with kills, and return whether everything came out equal."""
    whole, torn = folder / f"{net}-whole", folder / f"{net}-torn"
    whole.mkdir(parents=True)
    began = time.monotonic()
    in_child(lambda: train(net, whole), None)
    whole_s = time.monotonic() - began
    expected = (whole / "result.json").read_text()
    done, attempts, differences = 0, 0, 0
    while done < kills:
        attempts += 1
        place = torn / str(attempts)
        place.mkdir(parents=True)
        while not in_child(partial(train, net, place), chance.uniform(0, whole_s) if done < kills else None):
            done += 1
        differences += (place / "result.json").read_text() != expected
    return {"net": net, "kills": done, "trainings": attempts, "differences": differences, "whole_s": round(whole_s, 1)}


def main() -> None:
    """Read the arguments, prove, print."""
    folder, kills, names = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    chance = random.Random(1)
    for net in names or ["dense", "conv", "dropout", "batch_norm"]:
        print(json.dumps(prove(net, folder, kills, chance)), flush=True)


if __name__ == "__main__":
    main()
