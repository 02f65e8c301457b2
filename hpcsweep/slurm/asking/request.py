"""Whether the cluster takes a request, and for how many workers, by its limits; checked before anything is queued."""

from __future__ import annotations

import grp
import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from hpcsweep.errors import SchedulerError, nearest
from hpcsweep.slurm.asking.allowance import accounts_above
from hpcsweep.slurm.asking.features import may_have
from hpcsweep.slurm.asking.limits import ClusterLimits, NodeKind, Partition
from hpcsweep.slurm.terms import Request
from hpcsweep.slurm.text import format_duration
from hpcsweep.slurm.watching.living import NOBODY, Workforce
from hpcsweep.sweep.choices import EACH

USUAL_WORKERS = 8
_GPUS = re.compile(r"gpu(?::([A-Za-z][\w.-]*))?(?::(\d+))?")
_ROOM = "what your QOS or account takes now"


def refuse_impossible(request: Request, limits: ClusterLimits) -> None:
    """Raise SchedulerError, in words, for a request that SLURM would refuse or leave pending for ever.

    Of several partitions one is enough that takes it. What SLURM has not told, or we do not understand, is left to it.
    """
    _refuse_names(request, limits)
    _refuse_long(request, limits.user.max_wall_s, "your QOS or account")
    problems = [_problem(request, one, limits) for one in _partitions(request, limits)]
    if problems and all(problems):
        raise next(problem for problem in problems if problem)


def _partitions(request: Request, limits: ClusterLimits) -> list[Partition]:
    """Return the partitions that are asked for, by default the default one; SchedulerError for one that is not there"""
    if request.partition is None or not limits.partitions:
        default = limits.partition(None)
        return [default] if default else []
    for name in request.partition.split(","):
        if name not in limits.partitions:
            known = ", ".join(limits.partitions)
            raise SchedulerError(
                f'partition: found "{name}", expected one of {known}{nearest(name, limits.partitions)}; '
                "set `partition` in the profile or the sweep's [resources]"
            )
    return [limits.partitions[name] for name in request.partition.split(",")]


def _refuse_names(request: Request, limits: ClusterLimits) -> None:
    accounts = limits.accounts if "associations" in limits.enforced else ()
    qos = limits.qos if "qos" in limits.enforced else ()
    for what, name, known in (("account", request.account, accounts), ("qos", request.qos, qos)):
        if name and known and name not in known:
            raise SchedulerError(
                f'{what}: found "{name}", expected one of yours: {", ".join(known)}{nearest(name, known)}; '
                f"set `{what}` in the profile"
            )


def _refuse_long(request: Request, most_s: float | None, whose: str) -> None:
    asked_s = request.minutes * 60
    if most_s is not None and asked_s > most_s:
        raise SchedulerError(
            f"time: found {format_duration(asked_s)}, expected at most {format_duration(most_s)}, the limit of "
            f"{whose}; the sweep continues in further jobs, so type: --time {format_duration(most_s)}"
        )


def _problem(request: Request, partition: Partition, limits: ClusterLimits) -> SchedulerError | None:
    """Return why a partition does not take a request, None if it does, as far as we know."""
    try:
        if not partition.is_up:
            raise SchedulerError(f'partition "{partition.name}" takes no jobs now (it is not up); choose another')
        if partition.min_nodes > 1:
            raise SchedulerError(
                f'partition "{partition.name}" is for jobs of {partition.min_nodes} nodes and more, and a worker takes '
                "one; choose another"
            )
        _refuse_user(request, partition, limits)
        if not limits.longer_than_partition:
            _refuse_long(request, partition.max_s, f'partition "{partition.name}"')
        _refuse_nodes(request, partition, limits.nodes.get(partition.name, ()))
    except SchedulerError as problem:
        return problem
    return None


def _refuse_user(request: Request, partition: Partition, limits: ClusterLimits) -> None:
    for what, name, admission in (
        ("account", request.account or limits.used_account, partition.accounts),
        ("qos", request.qos or limits.used_qos, partition.qos),
    ):
        above = _also(what, name, limits) if name and admission.allowed else ()
        if name and not any(map(admission.takes, (name, *above))):
            raise SchedulerError(
                f'{what}: found "{name}", expected one that partition "{partition.name}" takes: {admission}; set '
                f"`{what}` or `partition` in the profile"
            )
    if partition.groups and not may_use(partition.groups):
        raise SchedulerError(
            f'partition "{partition.name}" is for the groups {", ".join(partition.groups)}, of which you are in none '
            "(see: groups); choose another"
        )


def _also(what: str, name: str, limits: ClusterLimits) -> Collection[str]:
    """Return the names by which one may be taken, too: in SLURM from 23 on perhaps those of the accounts above it."""
    is_new = not limits.version.startswith(("1", "20.", "21.", "22."))
    return accounts_above(limits, name) if what == "account" and is_new else ()


def may_use(groups: Collection[str]) -> bool:
    """Whether this user is in one of these groups, or may use everything."""
    if os.geteuid() == 0:
        return True
    mine = set()
    for number in (os.getegid(), *os.getgroups()):
        with suppress(KeyError):
            mine.add(grp.getgrgid(number).gr_name)
    return bool(mine.intersection(groups))


def _refuse_nodes(request: Request, partition: Partition, kinds: Sequence[NodeKind]) -> None:
    if not kinds:
        return
    where = f'partition "{partition.name}"'
    featured = [one for one in kinds if not request.constraint or may_have(request.constraint, one.features)]
    if not featured:
        known = ", ".join(sorted({name for one in kinds for name in one.features})) or "none at all"
        raise SchedulerError(
            f'constraint: found "{request.constraint}", expected features that a node of {where} has: {known}; set '
            "`constraint` in the profile"
        )
    fitting = [one for one in featured if _fits(request, one)]
    if not fitting:
        has = "; ".join(sorted({_describe(kind) for kind in featured}))
        raise SchedulerError(
            f"resources: found {request.cpus} CPUs, {request.gres_text() or 'no GPU'}, "
            f"{request.mem_mb or 'default'} MB per worker, expected what one node of {where} has: {has}"
        )
    if not any(one.is_up for one in fitting):
        raise SchedulerError(
            f"all nodes of {where} that have what is asked for are down or drained ({_states(fitting)}; see: sinfo "
            f"-R); choose another partition, or type the same again when they are back"
        )


def _states(kinds: Sequence[NodeKind]) -> str:
    counts = Counter[str]()
    for one in kinds:
        counts[one.state] += one.count
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _fits(request: Request, kind: NodeKind) -> bool:
    if request.cpus > kind.cpus or (request.mem_mb or 0) > kind.mem_mb:
        return False
    found = _GPUS.fullmatch(request.gres_text() or "gpu:0")
    if not found:
        return True  # other generic resources, or several
    gpu_type, number = found[1], int(found[2] or 1)
    return number <= (kind.gpus.get(gpu_type, 0) if gpu_type else kind.all_gpus)


def _describe(kind: NodeKind) -> str:
    gpus = ", ".join(f"{number} {name or 'GPU'}" for name, number in kind.gpus.items())
    return f"{kind.cpus} CPUs, {kind.mem_mb} MB{', ' + gpus if gpus else ''}"


@dataclass(frozen=True)
class ArraySize:
    """How many workers to submit, besides those that live, how many of these run at once, and what to tell people.

    `bound` is how many workers of the sweep may run at the same time; 0 if nothing limits them.
    """

    workers: int
    at_once: int
    notes: tuple[str, ...] = ()
    living: int = 0
    bound: int = 0

    @property
    def team(self) -> int:
        """How many workers there are then."""
        return self.workers + self.living


def choose_workers(
    asked: int | str | None,
    trajectories: int,
    max_workers: int | None,
    limits: ClusterLimits,
    force: Workforce = NOBODY,
) -> ArraySize:
    """Return the size of the array that makes the living workers as many as are `asked` for, or as make sense.

    More workers than may run at once are useless, except for `"each"`, which means one per trajectory. Raises
    SchedulerError if what is asked for does not fit.
    """
    living = len(force.following)
    bound = min((n for n in (max_workers, limits.user.max_running) if n), default=0)
    sensible = trajectories if asked == EACH else min(trajectories, bound or USUAL_WORKERS)
    wanted = min(asked if isinstance(asked, int) else sensible, trajectories)
    if wanted <= living:
        return ArraySize(0, 0, living=living, bound=bound)
    room = None if limits.user.max_submitted is None else limits.user.max_submitted - (limits.queued or 0)
    if room is not None and room < 1:
        raise SchedulerError(
            f"you have {limits.queued} jobs in the queue, expected fewer than {limits.user.max_submitted}, the limit "
            "of your QOS or account; wait until some end, or cancel some: hpcsweep cancel SWEEP"
        )
    if isinstance(asked, int):
        for most, whose in ((limits.max_array_size, "the cluster's largest array"), (room, _ROOM)):
            if most is not None and asked > (most := most + living):
                raise SchedulerError(
                    f"workers: found {asked}, expected at most {most}, {whose}; type: --workers {most}"
                )
    workers = min(n for n in (wanted - living, room, limits.max_array_size) if n)
    notes = []
    if isinstance(asked, int) and wanted < asked:
        notes.append(f"{wanted} of {asked} workers: there is at most one per trajectory")
    elif workers < wanted - living:
        notes.append(f"{workers + living} workers for {trajectories} trajectories: the queue takes no more")
    return ArraySize(workers, force.throttle(workers, bound), tuple(notes), living, bound)
