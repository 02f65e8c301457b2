"""How long runs take to start in a worker that knows their architecture, and what recording costs beside training."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring.study import temporary_study, work_on, write_sweep

NETS = {
    "dense 8-8-10": {"net": "dense", "layers": 2, "neurons": 8},
    "conv 16-16 + 16-16-10": {"net": "conv", "layers": 2, "neurons": 16},
}
ENGINES = ("compiled", "compiled-xla")


def report(*, quick: bool, clock: str) -> Iterator[str]:
    """Train runs of several lengths in one worker and yield what was measured."""
    from measuring.timeline import RECORDING, Timeline

    timeline = Timeline(clock)
    images = (6_000, 1_000) if quick else (60_000, 10_000)
    lengths = {10: 4, 50: 2} if quick else {10: 6, 50: 3, 200: 2}  # epochs: runs
    yield f"second and later runs of an architecture in a worker, medians; {clock} ms unless said otherwise"
    yield (
        f"{'net':22} {'engine':12} {'epochs':>6} {'runs':>4} {'first step':>10} {'training':>9} "
        + " ".join(f"{part:>{max(len(part), 7)}}" for part in RECORDING)
        + f" {'a checkpoint':>12} {'recording':>9}"
    )
    with temporary_study() as root:
        for engine in ENGINES:
            _train(root, timeline, NETS["dense 8-8-10"], engine, 1, 1, images)  # traces and compiles
            for epochs, runs in lengths.items():
                found = _train(root, timeline, NETS["dense 8-8-10"], engine, epochs, runs, images)
                yield _line("dense 8-8-10", engine, epochs, found)
        conv, few = NETS["conv 16-16 + 16-16-10"], (images[0] // 10, images[1] // 10)
        _train(root, timeline, conv, "compiled", 1, 1, few)
        yield _line("conv 16-16 + 16-16-10", "compiled", 10, _train(root, timeline, conv, "compiled", 10, 3, few))
        for net, engine, size in ((NETS["dense 8-8-10"], "compiled-xla", images), (conv, "compiled", few)):
            _, *others = _train(root, timeline, net, engine, 10, 4, size, one_seed=True)
            yield _line(f"{net['net']}, one seed", engine, 10, others)


def _train(
    root: Path, timeline: Any, net: Any, engine: str, epochs: int, runs: int, images: Any, *, one_seed: bool = False
) -> list[Any]:
    """Train `runs` new runs in this process, of as many seeds or of as many learning rates; return their times."""
    before = len(timeline.runs)
    name = f"{net['net']}-{engine}-{epochs}-{before}"
    fixed = {**net, "images": images[0], "validate": images[1], "epochs": epochs}
    seeds = [before] if one_seed else list(range(before, before + runs))  # never seen before, so never in the store
    rates = [0.001 * (1 + number) for number in range(runs if one_seed else 1)]
    grid = {"learning_rate": rates}
    work_on(write_sweep(root, name, seeds=seeds, fixed=fixed, grid=grid, training={"engine": engine}))
    return list(timeline.runs[before:])


def _line(name: str, engine: str, epochs: int, runs: list[Any]) -> str:
    from measuring.timeline import RECORDING

    def ms(seconds: Any) -> float:
        return 1000 * statistics.median(seconds)

    parts = (f"{ms(run.parts[part] for run in runs):{max(len(part), 7)}.1f}" for part in RECORDING)
    checkpoint = ms(run.parts["checkpoints"] / max(run.calls["checkpoints"], 1) for run in runs)
    share = statistics.median(run.recording_share for run in runs)
    return (
        f"{name:22} {engine:12} {epochs:>6} {len(runs):>4} {ms(run.to_first_step_s for run in runs):10.0f} "
        f"{ms(run.training_s for run in runs):9.0f} {' '.join(parts)} {checkpoint:12.1f} {share:9.1%}"
    )
