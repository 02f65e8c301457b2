"""Ten small sweeps trained alone, stacked, and by `fastest`: does `fastest` take the better way?

    python benchmarks/stacks.py [--rounds 2] [--only "own 8-8"]

Each is `hpcsweep run` with one worker, everything counted; the three ways are measured in turn, in processor seconds,
which other work on the machine disturbs less. `loss` is what `fastest` takes longer than the better of the other two.
"""

from __future__ import annotations

import argparse
import os
import statistics
from typing import Any

from measuring.commands import HPCSWEEP, timed
from measuring.machine import describe
from measuring.study import environment, temporary_study, write_sweep

ENGINES = {"alone": "auto", "stacked": "stacked", "fastest": "fastest"}
SMALL = {"images": 10_000, "validate": 2_000}
SWEEPS: dict[str, dict[str, Any]] = {
    "own 8-8, 8 seeds, few epochs": {"layers": 2, "neurons": 8, "epochs": 4, "seeds": 8},
    "own 8-8, 8 seeds": {"layers": 2, "neurons": 8, "epochs": 40, "seeds": 8},
    "own 8-8, 16 seeds": {"layers": 2, "neurons": 8, "epochs": 40, "seeds": 16},
    "own 8-8, 2 seeds": {"layers": 2, "neurons": 8, "epochs": 80, "seeds": 2},
    "own 8-8, batch 128": {"layers": 2, "neurons": 8, "batch_size": 128, "epochs": 80, "seeds": 8},
    "own 16-16-16, 8 seeds": {"layers": 3, "neurons": 16, "epochs": 40, "seeds": 8},
    "own 100, 4 seeds": {"layers": 1, "neurons": 100, "epochs": 20, "seeds": 4},
    "shared 8-8, 8 seeds": {"layers": 2, "neurons": 8, "epochs": 40, "seeds": 8, "order": "shared"},
    "shared 16-16-16, 16 seeds": {"layers": 3, "neurons": 16, "epochs": 40, "seeds": 16, "order": "shared"},
    "shared 8-8, few epochs": {"layers": 2, "neurons": 8, "epochs": 4, "seeds": 8, "order": "shared"},
}


def processor_s(sweep: dict[str, Any], engine: str) -> float:
    """Train a sweep in a new study; return the processor seconds of all processes."""
    fixed = {**SMALL, **{key: value for key, value in sweep.items() if key not in ("seeds", "order")}}
    training = {"engine": engine, "stack_order": sweep.get("order", "own")}
    with temporary_study() as root:
        path = write_sweep(root, "stacks", seeds=list(range(sweep["seeds"])), fixed=fixed, training=training)
        return timed([*HPCSWEEP, "run", str(path), "--quiet", "--workers", "1"], root).processor_s


def main() -> None:
    """Print a row per sweep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", help="only sweeps whose name contains this")
    options = parser.parse_args()
    os.environ.update(environment())
    print(describe())
    print(f"medians of {options.rounds} rounds, processor seconds")
    print(f"{'sweep':30}" + "".join(f"{name:>10}" for name in ENGINES) + f"{'loss':>8}", flush=True)
    for name, sweep in SWEEPS.items():
        if options.only in name:
            taken = {way: [0.0] * options.rounds for way in ENGINES}
            for number in range(options.rounds):
                for way, engine in ENGINES.items():
                    taken[way][number] = processor_s(sweep, engine)
            alone, stacked, fastest = (statistics.median(found) for found in taken.values())
            loss = fastest / min(alone, stacked) - 1
            print(f"{name:30}{alone:10.1f}{stacked:10.1f}{fastest:10.1f}{loss:8.0%}", flush=True)


if __name__ == "__main__":
    main()
