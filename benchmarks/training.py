"""Training against Keras's own `model.fit`: epochs of every engine, starts of runs, recording, checkpoints, memory.

    python benchmarks/training.py [--backend jax] [--quick] [--rounds 5] [--only "dense 8-8"] [--part epochs]

Every ratio is one of medians measured alternately in this run, on one core with one thread: the same seeded synthetic
images, the same net, the same batch size; an epoch is one of training and validation. `spread` is the range of the
ratios of single rounds, `cpu` the same ratio in processor seconds, which other work on the machine disturbs less.
The part `stacks` compares stacks with their members alone; the part `tricks` measures each trick of
on_tensorflow/faster/ in the same way: all of them against all but that one.
With `--backend jax`, which needs no TensorFlow, both sides are Keras on JAX, and only epochs are measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator

from measuring.machine import describe, one_thread_on_one_core

PARTS = ("epochs", "stacks", "tricks", "callbacks", "starts", "memory")
PARTS_OF = {"tensorflow": PARTS, "jax": ("epochs",)}


def lines_of(part: str, options: argparse.Namespace) -> Iterator[str]:
    """Measure one part in this process and yield its table."""
    one_thread_on_one_core()
    os.environ["KERAS_BACKEND"] = options.backend
    if part == "epochs":
        from measuring.epochs import table

        return table(options.rounds, 10 if options.quick else 1, options.only)
    if part == "stacks":
        from measuring.stacks import table as stacks

        return stacks(options.rounds, 10 if options.quick else 1, options.only)
    if part == "tricks":
        from measuring.tricks import table as tricks

        return tricks(options.rounds, 10 if options.quick else 1, options.only)
    if part == "callbacks":
        from measuring.with_callbacks import table as with_callbacks

        return with_callbacks(options.rounds, 10 if options.quick else 1, options.only)
    if part == "starts":
        from measuring.starts import report as starts

        return starts(quick=options.quick, clock=options.clock)
    from measuring.memory import report as memory

    return memory(quick=options.quick)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backend", choices=tuple(PARTS_OF), default="tensorflow", help="what Keras runs on")
    parser.add_argument("--quick", action="store_true", help="a tenth of the images, two rounds, few runs")
    parser.add_argument("--rounds", type=int, default=5, help="how often each side is measured")
    parser.add_argument("--only", default="", help="measure only nets whose name contains this")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall", help="of the part `starts`")
    parser.add_argument("--part", choices=PARTS, help="only this part")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 2
    if options.part:
        for line in lines_of(options.part, options):
            print(line, flush=True)
        return
    print(describe(), flush=True)
    for part in PARTS_OF[options.backend]:  # a process each: what one leaves in memory is no other's business
        print(f"\n-- {part}", flush=True)
        command = [sys.executable, __file__, *sys.argv[1:], "--part", part]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)


if __name__ == "__main__":
    main()
