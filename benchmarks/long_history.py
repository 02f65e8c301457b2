"""What it costs to log a long history, against a loop that appends to lists of its own and saves them at the end.

    python benchmarks/long_history.py [--quick] [--rounds 3]

Each side logs four metrics per epoch, in turn, in a process of its own: ours in a job that also makes checkpoints when
they are due. Prints processor seconds and the peak of memory, less those of a run of one epoch.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from measuring.commands import HPCSWEEP, Took, timed

EPOCHS = (1_000, 100_000, 1_000_000)
JOB = """
def train(run, *, n: int):
    run.restore()
    for epoch in range(run.last_epoch + 1, n + 1):
        x = 1 / (epoch + 1)
        run.log(epoch, loss=x, accuracy=1 - x, val_loss=2 * x, val_accuracy=1 - 2 * x)
        if run.checkpoint_due:
            run.checkpoint({"x": x})
"""
BY_HAND = """
import sys
import time
import numpy as np

history = {name: [] for name in ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")}
before = time.monotonic()
for epoch in range(int(sys.argv[1]) + 1):
    x, now = 1 / (epoch + 1), time.monotonic()
    row = {"epoch": epoch, "loss": x, "accuracy": 1 - x, "val_loss": 2 * x, "val_accuracy": 1 - 2 * x}
    for name, value in {**row, "seconds": now - before}.items():
        history[name].append(value)
    before = now
np.savez("history.npz", **history)
"""


def ours(folder: Path, epochs: int) -> list[str]:
    """Return the command that logs in a run of a sweep."""
    for name in ("jobs", "sweeps"):
        (folder / name).mkdir()
    (folder / "jobs" / "job.py").write_text(JOB)
    (folder / "sweeps" / "s.toml").write_text(f'name = "s"\njob = "jobs/job.py:train"\n[grid]\nn = [{epochs}]\n')
    return [*HPCSWEEP, "run", "sweeps/s.toml", "--quiet", "--workers", "1"]


def by_hand(folder: Path, epochs: int) -> list[str]:
    """Return the command that logs into lists."""
    (folder / "by_hand.py").write_text(BY_HAND)
    return [sys.executable, "by_hand.py", str(epochs)]


def measure(rounds: int, sizes: tuple[int, ...]) -> dict[tuple[str, int], list[Took]]:
    """Time both sides at each size in turn."""
    found: dict[tuple[str, int], list[Took]] = {}
    for _ in range(rounds):
        for epochs in (1, *sizes):
            for side in (ours, by_hand):
                with tempfile.TemporaryDirectory() as folder:
                    found.setdefault((side.__name__, epochs), []).append(
                        timed(side(Path(folder), epochs), Path(folder))
                    )
    return found


def main() -> None:
    """Print a row per number of epochs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round, without the longest history")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sizes = EPOCHS[:-1] if options.quick else EPOCHS
    found = measure(1 if options.quick else options.rounds, sizes)
    print(f"{os.cpu_count()} cores; medians; processor s and peak MB more than with one epoch")
    print(f"{'epochs':>10}{'hpcsweep':>12}{'by hand':>10}{'us per log':>12}{'MB':>8}{'MB by hand':>12}")
    for epochs in sizes:
        more = {}
        for side in ("ours", "by_hand"):
            pairs = zip(found[side, epochs], found[side, 1], strict=True)
            differences = [(long.processor_s - one.processor_s, long.peak_mb - one.peak_mb) for long, one in pairs]
            more[side] = [statistics.median(part) for part in zip(*differences, strict=True)]
        (own_s, own_mb), (hand_s, hand_mb) = more["ours"], more["by_hand"]
        print(f"{epochs:10}{own_s:12.2f}{hand_s:10.2f}{1e6 * own_s / epochs:12.1f}{own_mb:8.0f}{hand_mb:12.0f}")


if __name__ == "__main__":
    main()
