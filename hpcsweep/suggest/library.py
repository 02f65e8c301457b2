"""What Optuna suggests after what was tried: the one module that knows it, and that imports it, when it is asked.

Optuna is asked anew each round, and told all that was tried, so its answer is a function of that, of the sweep file and
of its release: no database and no state beside the store.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from threading import Thread
from typing import Any, Literal

from hpcsweep.errors import MissingPackageError
from hpcsweep.files import canonical_json, sha256_hex
from hpcsweep.sweep.search import Point, Search, Searched

OLDEST = (4, 0)
ASKED_AGAIN = 20  # times, for each point that is wanted, where what is suggested was tried before


class Outcome(str, Enum):
    """How the runs of a point have ended."""

    DONE = "done"
    STOPPED = "stopped"  # [halving] has decided that it does not go on
    LOST = "lost"  # one of them failed, diverged or learnt nothing, so that there is no mean


@dataclass(frozen=True)
class Tried:
    """A point, and the metric by epochs: its mean over the seeds, none if it is lost, and then `why`."""

    point: Point
    outcome: Outcome
    means: Mapping[int, float]
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what a decision says of it."""
        means = {str(epochs): mean for epochs, mean in self.means.items()}
        told = {"point": dict(self.point), "outcome": self.outcome.value, "means": means}
        return {**told, "why": self.why} if self.why else told


def require_library() -> None:
    """Raise MissingPackageError, one line, if Optuna is not there, or too old."""
    # it keeps the tracebacks of what it fails to import, and with them all that the callers hold: in a thread, nothing
    importer = Thread(target=_try_to_import)
    importer.start()
    importer.join()
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise _missing(str(error)) from error
    found = versions()["optuna"]
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST:
        raise _missing(f"found Optuna {found}")


def _try_to_import() -> None:
    with suppress(ImportError):
        import optuna  # noqa: F401


def _missing(what: str) -> MissingPackageError:
    oldest = ".".join(map(str, OLDEST))
    return MissingPackageError(
        f"suggest.engine: {what}; expected Optuna {oldest} or newer where points are asked for; nothing more is "
        "trained; type: pip install 'hpcsweep[optuna]'"
    )


def versions() -> dict[str, str]:
    """Return the releases on which a suggestion depends."""
    return {name: metadata.version(name) for name in ("optuna", "numpy")}


def ask(search: Search, tried: Sequence[Tried], count: int, number: int) -> list[dict[str, Any]]:
    """Return `count` new points for round `number`, from 0; fewer if little else is suggested than what was tried."""
    import optuna

    with _quiet():
        better: Literal["minimize", "maximize"] = "maximize" if search.direction == "max" else "minimize"
        study = optuna.create_study(direction=better, sampler=_sampler(search, number))
        distributions = {name: _distribution(one) for name, one in search.space.items()}
        for one in tried:
            study.add_trial(_trial(search, one, distributions))
        known = {canonical_json(dict(one.point)) for one in tried}
        points: list[dict[str, Any]] = []
        for _ in range(ASKED_AGAIN * count):
            params = study.ask(distributions).params
            point = {name: _value(one, params[name]) for name, one in search.space.items()}
            if (text := canonical_json(point)) not in known:
                known.add(text)
                points.append(point)
            if len(points) == count:
                break
        return points


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the terminal what Optuna says of each study, and from tests what it warns of in itself."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _sampler(search: Search, number: int) -> Any:
    from optuna.samplers import RandomSampler, TPESampler

    # a seed of its own for each round, as each begins with a new sampler
    seed = int(sha256_hex(f"{search.seed}/{number}".encode())[:8], 16)
    if search.sampler == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, multivariate=True, constant_liar=True)  # which keeps the points of a round apart


def _distribution(how: Searched) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if how.choices:
        return CategoricalDistribution(range(len(how.choices)))
    if how.whole:
        return IntDistribution(int(how.low), int(how.high), log=how.log)
    return FloatDistribution(how.low, how.high, log=how.log)


def _value(how: Searched, told: Any) -> Any:
    if how.choices:
        return how.choices[told]
    return float(told) if how.as_float else told


def _trial(search: Search, one: Tried, distributions: Mapping[str, Any]) -> Any:
    """Return a trial as Optuna keeps it. A lost one is pruned before its first report, which TPE takes as the worst."""
    from optuna.trial import TrialState, create_trial

    done = one.outcome is Outcome.DONE
    return create_trial(
        state=TrialState.COMPLETE if done else TrialState.PRUNED,
        value=one.means[max(one.means)] if done else None,
        params={name: _told(how, one.point[name]) for name, how in search.space.items()},
        distributions=dict(distributions),
        intermediate_values=dict(one.means),
    )


def _told(how: Searched, value: Any) -> Any:
    if how.choices:
        return [canonical_json(one) for one in how.choices].index(canonical_json(value))
    return int(value) if how.whole else value
