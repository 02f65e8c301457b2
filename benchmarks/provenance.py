"""What it costs to know by which code and data runs were made, against the training of 10 epochs on 60,000 images.

    python benchmarks/provenance.py [--runs 5] [--images 60000] [--epochs 10]

One worker, in this process, trains dense nets 784-8-8-10 that differ in their seeds. The digests and snapshots are
timed within it, so both sides of each ratio are processor seconds of the same run: what is paid once per submission and
worker (snapshot, its check, the digest of the arrays), and what is paid per run. The baseline is the training itself,
by the fastest engine and by `keras.Model.fit`.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

from measuring.machine import describe, one_thread_on_one_core
from measuring.spent import Spent
from measuring.study import temporary_study, work_on, write_sweep

KNOWING, TRAINING = "knowing by what", "training"
ENGINES = ("compiled-xla", "fit")
NET = {"net": "dense", "layers": 2, "neurons": 8}


def wrap_everything() -> Spent:
    """Time all that is done for provenance, and the training beside it."""
    from hpcsweep.data import used
    from hpcsweep.launch import submission
    from hpcsweep.training.loops.single import Loop
    from hpcsweep.worker.process.job_code import JobCode
    from hpcsweep.worker.run.made_by import MadeBy

    spent = Spent()
    begins = MadeBy.__init__

    def begin(self: MadeBy, *args: Any) -> None:
        spent.begin()
        begins(self, *args)

    MadeBy.__init__ = begin  # type: ignore[method-assign]
    for owner, names in ((submission, ["keep_snapshot"]), (JobCode, ["read"]), (used, ["entry_of_arrays"])):
        for name in names:
            spent.wrap(owner, name, KNOWING)
    for name in ("facts", "keep", "of_checkpoint", "require_same"):
        spent.wrap(MadeBy, name, KNOWING)
    for name in ("_advance", "_advance_part"):
        spent.wrap(Loop, name, TRAINING)
    return spent


def measure(spent: Spent, root: Path, engine: str, options: argparse.Namespace) -> list[dict[str, float]]:
    """Train the runs by `engine` in one worker; return what was spent: once before the runs, and in each of them."""
    fixed = {**NET, "images": options.images, "validate": options.images // 6, "epochs": options.epochs}
    spent.runs.clear()
    spent.begin()
    seeds = list(range(options.runs))
    work_on(write_sweep(root, f"provenance-{engine}", seeds=seeds, fixed=fixed, training={"engine": engine}))
    return list(spent.runs)


def line(engine: str, rounds: list[list[dict[str, float]]]) -> str:
    """Return medians over the rounds: of the later runs of a worker, and of what its first run pays more than they."""
    training, each, once = [], [], []
    for start, first, *later in rounds:
        training.append(statistics.median(run[TRAINING] for run in later))
        each.append(statistics.median(run[KNOWING] for run in later))
        once.append(start[KNOWING] + first[KNOWING] - each[-1])
    run_s, each_s, once_s = map(statistics.median, (training, each, once))
    return (
        f"{engine:14} {1000 * run_s:12.0f} {1000 * each_s:12.2f} {each_s / run_s:9.2%} {1000 * once_s:16.1f} "
        f"{once_s / run_s:9.2%} {(each_s + once_s / 12) / run_s:9.2%}"
    )


def main() -> None:
    """Measure both engines in turn and print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=4, help="runs per worker, at least two")
    parser.add_argument("--images", type=int, default=60_000, help="training images of each run")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of each run")
    parser.add_argument("--rounds", type=int, default=3, help="how often each engine is measured")
    options = parser.parse_args()
    one_thread_on_one_core()
    print(describe())
    spent = wrap_everything()
    found: dict[str, list[list[dict[str, float]]]] = defaultdict(list)
    for _ in range(options.rounds):
        for engine in ENGINES:
            with temporary_study() as root, redirect_stderr(StringIO()):
                found[engine].append(measure(spent, root, engine, options))
    print("processor ms, and % of the training of a run; the last column is that of a worker of 12 runs")
    print(f"{'engine':14} {'training':>12} {'per run':>12} {'':9} {'once per worker':>16} {'':9} {'of 12':>9}")
    for engine, rounds in found.items():
        print(line(engine, rounds))


if __name__ == "__main__":
    main()
