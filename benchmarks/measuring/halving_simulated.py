"""Successive halving replayed on the recorded runs of a full grid: how often it keeps the best, and what it costs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from hpcsweep.halving.audit import judged
from hpcsweep.halving.readings import Values
from hpcsweep.halving.rules import Measured, Rules

Rungs = Sequence[Values]
"""For each rung, the measured runs of all settings, seed by seed."""


@dataclass(frozen=True)
class Outcome:
    """One repetition: whether the best setting of the grid is in the final set, and what was trained of the grid.

    `truly_better`: how many stopped settings end better than the worst of the final set, as an audit estimates.
    """

    kept_best: bool
    lost_accuracy: float
    part_trained: float
    audit_estimate: float
    truly_better: int


def repeat(rungs: Rungs, rules: Rules, times: int, settings: int) -> list[Outcome]:
    """Halve `times` times so many settings, drawn without replacement, with seeds drawn with replacement."""
    chance = random.Random(0)
    return [_once(_drawn(rungs, settings, chance), rules, chance) for _ in range(times)]


def on_power_laws(rules: Rules, noise: float, exponents: tuple[float, float], times: int) -> list[Outcome]:
    """Halve 81 settings of 3 seeds whose accuracies rise by power laws; wider exponents cross more."""
    chances = [random.Random(number) for number in range(times)]
    return [_once(_power_laws(rules.epochs, noise, exponents, chance), rules, random.Random(0)) for chance in chances]


def _power_laws(
    epochs: Sequence[int], noise: float, exponents: tuple[float, float], chance: random.Random
) -> list[Values]:
    rungs = [Values() for _ in epochs]
    for number in range(81):
        end, exponent, gap = 0.9 + 0.08 * chance.random() ** 0.5, chance.uniform(*exponents), chance.uniform(0.05, 0.5)
        for _ in range(3):
            for rung, epoch in zip(rungs, epochs, strict=True):
                accuracy = end - gap * (epoch / 3) ** -exponent + chance.gauss(0, noise)
                rung.setdefault(f"{number:02}", []).append(Measured(accuracy))
    return rungs


def _drawn(rungs: Rungs, settings: int, chance: random.Random) -> list[Values]:
    names = chance.sample(sorted(rungs[0]), settings)
    seeds = {name: chance.choices(range(len(rungs[0][name])), k=len(rungs[0][name])) for name in names}
    return [{name: [rung[name][seed] for seed in seeds[name]] for name in names} for rung in rungs]


def _once(rungs: Rungs, rules: Rules, chance: random.Random) -> Outcome:
    climb = _in_rounds if rules.order == "rounds" else _as_ready
    climbed = climb(rungs, rules, chance)
    final, stopped = set(climbed[-1]), sorted(set(climbed[0]) - set(climbed[-1]))
    truth = rules.ranked(rungs[-1])
    audited = chance.sample(stopped, rules.audit)
    places = sorted(truth.index(name) for name in final)
    steps = zip(climbed, rules.epochs, (0, *rules.epochs), strict=False)
    trained = sum(len(there) * (end - begin) for there, end, begin in steps)
    best = next(name for name in truth if name in final)
    return Outcome(
        truth[0] in final,
        _mean(rungs[-1][truth[0]]) - _mean(rungs[-1][best]),
        trained / (len(climbed[0]) * rules.epochs[-1]),
        judged(rules, rungs[-1], final, audited, len(stopped)).estimate,
        places[-1] + 1 - len(final),
    )


def _mean(runs: Sequence[Measured]) -> float:
    return sum(one.value or 0.0 for one in runs) / len(runs)


def _in_rounds(rungs: Rungs, rules: Rules, chance: random.Random) -> list[list[str]]:
    climbed = [sorted(rungs[0])]
    for rung in range(rules.last):
        there = {name: rungs[rung][name] for name in climbed[-1]}
        climbed.append(rules.ranked(there)[: rules.go_on(rung, len(there))])
    return climbed


def _as_ready(rungs: Rungs, rules: Rules, chance: random.Random) -> list[list[str]]:
    """One worker: settings come in a random order, and who may go on is trained on at once."""
    climbed = [list[str]() for _ in rules.epochs]
    for name in chance.sample(sorted(rungs[0]), len(rungs[0])):
        climbed[0].append(name)
        for rung in range(rules.last):
            ranked = rules.ranked({one: rungs[rung][one] for one in climbed[rung]})
            for one in ranked[: rules.part(len(ranked))]:
                if one not in climbed[rung + 1]:
                    climbed[rung + 1].append(one)
    for rung in range(rules.last):
        ranked = rules.ranked({one: rungs[rung][one] for one in climbed[rung]})
        wanted = ranked[: rules.go_on(rung, len(ranked))]
        climbed[rung + 1] += [one for one in wanted if one not in climbed[rung + 1]]
    return climbed
