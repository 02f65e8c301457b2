"""Successive halving against the full grid: 81 settings of a dense net, 3 seeds, on 10,000 images of MNIST.

    HPCSWEEP_DATA=data python benchmarks/halving.py FOLDER [--peers PYTHON]

Trains the full grid and halved sweeps in FOLDER (about half an hour of processor time; what is there already is not
trained again), and 27 of the settings with one seed for 27 epochs, as its peers do. For each: the best mean validation
accuracy after the last epoch, what the setting with it comes to by the three seeds of the full grid, epochs trained,
and processor seconds. Then the rules are replayed on the recorded runs of the full grid, 200 times with seeds drawn
with replacement: how often its best setting is in the final set, how much less is trained, and how many stopped
settings end better than the worst that is kept, as an audit of 6 estimates it and in truth. Last come random parts of
the grid, and simulated curves.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

from measuring import mnist
from measuring.halving_simulated import on_power_laws, repeat
from measuring.halving_trained import SECTION, Trained, full_grid, halved, recorded
from measuring.machine import describe
from measuring.study import BENCHMARKS

from hpcsweep.files import canonical_json, sha256_hex
from hpcsweep.halving.readings import Values
from hpcsweep.halving.rules import Rules

SCALES = {"whole": (mnist.WHOLE, 3), "small": (mnist.SMALL, 1)}
VARIANTS: list[dict[str, Any]] = [{}, {"at_least": 6}, {"at_least": 9}, {"keep": 0.5}]
ORDERS = ("rounds", "as ready")
PEERS = ("optuna", "keras-tuner", "ray")
TIMES = 200


def show(told: str, best: float, setting: str, epochs: int, processor_s: float, truth: Values) -> None:
    """Print what a search found and took, and what its setting comes to by the three seeds of the full grid."""
    same = mean(one.value or 0.0 for one in truth[setting])
    print(f"{told:<32} {best:8.4f} {same:8.4f} {epochs:8,} {processor_s:12.0f}", flush=True)


def show_own(told: str, trained: Trained, rungs: Sequence[int], truth: Values) -> None:
    """Print what one of our sweeps came to."""
    measured = recorded(trained, rungs)
    best = Rules.of({**SECTION, "epochs": rungs}).ranked(measured[-1])[0]
    steps = zip(measured, rungs, (0, *rungs), strict=False)
    epochs = sum(len(seeds) * (end - begin) for values, end, begin in steps for seeds in values.values())
    show(told, mean(one.value or 0.0 for one in measured[-1][best]), best, epochs, trained.processor_s, truth)


def show_peer(name: str, python: str, root: Path, truth: Values) -> None:
    """Let a peer search the small grid by its own rules, and print what it came to."""
    kept = root / f"{name}.json"
    if not kept.exists():
        command = [python, str(BENCHMARKS / "measuring" / "halving_peers.py"), name, "--small"]
        kept.write_text(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    found = json.loads(kept.read_text().splitlines()[-1])
    setting = sha256_hex(canonical_json(found["setting"]).encode())
    show(name, found["best"], setting, found["epochs"], found["processor_s"], truth)


def compare(root: Path, peers: str | None) -> list[Values]:
    """Print what all of them found and took; return what the full grid recorded, rung by rung."""
    rungs = list[Values]()
    for called, (scale, seeds) in SCALES.items():
        settings = math.prod(map(len, scale[0].values()))
        print(f"{f'{settings} settings x {seeds} seeds':<32} accuracy  3 seeds   epochs  processor s")
        full = full_grid(root, f"{called}-full", seeds, scale)
        rungs = rungs or recorded(full, scale[1])
        truth = rungs[len(scale[1]) - 1]
        show_own("full grid", full, scale[1], truth)
        for order, rules in product(ORDERS, ({}, {"at_least": settings // 9})):
            name = "-".join([called, order.replace(" ", "-"), *map(str, rules.values())])
            told = ", ".join([order, *(f"{key} {value}" for key, value in rules.items())])
            show_own(told, halved(root, name, seeds, scale, order=order, **rules), scale[1], truth)
    for peer in PEERS if peers else ():
        show_peer(peer, str(peers), root, truth)
    return rungs


def replay(rungs: Sequence[Values]) -> None:
    """Print what the rules would have come to on recorded runs."""
    print("order      rules            best kept  times less  accuracy lost  audit says better  truth")
    for order, given in product(ORDERS, VARIANTS):
        found = repeat(rungs, Rules.of({**SECTION, "order": order, **given}), TIMES, len(rungs[0]))
        told = ", ".join(f"{name} {value}" for name, value in given.items()) or "keep 0.34"
        print(
            f"{order:<10} {told:<16} {mean(one.kept_best for one in found):9.2f} "
            f"{1 / mean(one.part_trained for one in found):11.1f} {mean(one.lost_accuracy for one in found):14.4f} "
            f"{mean(one.audit_estimate for one in found):18.1f} {mean(one.truly_better for one in found):6.1f}",
            flush=True,
        )


def simulate(rungs: Sequence[Values]) -> None:
    """Print how often rules keep the best of random settings of the grid, and of curves that cross, simulated."""
    for settings, given in product((27, 54), (False, True)):
        rules = Rules.of({**SECTION, "audit": 1, "at_least": settings // 9 if given else 1})
        found = repeat(rungs, rules, 100, settings)
        print(f"{settings} settings, at_least {rules.at_least}: {mean(one.kept_best for one in found):.2f}", flush=True)
    for noise, exponents in product((0.001, 0.004), ((0.8, 1.2), (0.4, 1.6))):
        for given in ({}, {"at_least": 9}, {"epochs": [9, 27, 81], "keep": 0.33}):
            found = on_power_laws(Rules.of({**SECTION, "audit": 1, **given}), noise, exponents, 60)
            kept, less = mean(one.kept_best for one in found), 1 / mean(one.part_trained for one in found)
            print(f"noise {noise}, exponents {exponents}, {given}: {kept:.2f}, {less:.1f} times less", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where all of it is trained, and kept")
    parser.add_argument("--peers", metavar="PYTHON", help="a Python with Optuna, keras-tuner and Ray, to compare with")
    given = parser.parse_args()
    print(describe(), flush=True)
    rungs = compare(given.folder, given.peers)
    replay(rungs)
    simulate(rungs)


if __name__ == "__main__":
    main()
