"""Which request would start soonest: several are shown to the scheduler, and none is queued."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from hpcsweep.errors import SchedulerError
from hpcsweep.slurm.asking.limits import ClusterLimits
from hpcsweep.slurm.asking.request import refuse_impossible
from hpcsweep.slurm.terms import Request
from hpcsweep.slurm.text import format_duration, parse_time

TIMES_S = (1800.0, 3600.0, 4 * 3600.0, 24 * 3600.0)
MOST_OFFERS = 24  # each is a call of sbatch, which costs the scheduler a few hundredths of a second
Start = Callable[[Request, int], str]
_START = re.compile(r"to start at (\S+)")


@dataclass(frozen=True)
class Offer:
    """One request and when the scheduler expects to start it; None, with the reason, if it would not."""

    request: Request
    start: datetime | None
    problem: str = ""


def compare_requests(request: Request, limits: ClusterLimits, start: Start) -> list[Offer]:
    """Ask when requests of several lengths, GPU numbers and partitions would start; soonest first.

    `start` asks the scheduler about one of them; see Scheduler.start.
    """
    offers = [_ask(one, start) for one in list(candidates(request, limits))[:MOST_OFFERS]]
    return sorted(offers, key=lambda offer: (offer.start is None, offer.start or datetime.max, -offer.request.time_s))


def candidates(request: Request, limits: ClusterLimits) -> Iterator[Request]:
    """Yield the requests to compare: what was asked for, and its neighbours that the limits allow."""
    up = [name for name, one in limits.partitions.items() if one.is_up]
    partitions: list[str | None] = [request.partition] if request.partition or not up else [*up]
    seen: set[Request] = set()
    for partition in partitions:
        for gpus in sorted({request.gpus, max(request.gpus, 1) * 2} if request.gpus else {0}):
            for time_s in sorted({request.time_s, *TIMES_S}):
                one = replace(request, partition=partition, gpus=gpus, time_s=time_s)
                if one not in seen and _is_possible(one, limits):
                    seen.add(one)
                    yield one


def describe_offers(offers: list[Offer]) -> list[str]:
    """Return one line per offer."""
    lines = []
    for offer in offers:
        request = offer.request
        where, gpus = request.partition or "default", request.gres_text() or "no GPU"
        what = f"{format_duration(request.time_s):>11}  {where:<12} {gpus:<10}"
        when = f"starts {offer.start:%a %d %b %H:%M}" if offer.start else f"no: {offer.problem}"
        lines.append(f"{what}  {when}")
    return lines


def _is_possible(request: Request, limits: ClusterLimits) -> bool:
    try:
        refuse_impossible(request, limits)
    except SchedulerError:
        return False
    return True


def _ask(request: Request, start_of: Start) -> Offer:
    try:
        answer = start_of(request, 1)
    except SchedulerError as error:
        return Offer(request, None, str(error))
    match = _START.search(answer)
    start = parse_time(match[1]) if match else None
    return Offer(request, start, "" if start else answer)
