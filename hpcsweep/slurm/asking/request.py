"""Whether the cluster takes a request, and for how many workers, by its limits; checked before anything is queued."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsweep.errors import SchedulerError, nearest
from hpcsweep.slurm.asking.limits import ClusterLimits, NodeKind
from hpcsweep.slurm.terms import Request
from hpcsweep.slurm.text import format_duration
from hpcsweep.sweep.choices import EACH


def refuse_impossible(request: Request, limits: ClusterLimits) -> None:
    """Raise SchedulerError, in words, for a request that SLURM would refuse or leave pending for ever."""
    _refuse_partition(request, limits)
    _refuse_names(request, limits)
    _refuse_time(request, limits)
    _refuse_size(request, limits)


def _refuse_partition(request: Request, limits: ClusterLimits) -> None:
    if request.partition is None or not limits.partitions:
        return
    for name in request.partition.split(","):
        if name not in limits.partitions:
            known = ", ".join(limits.partitions)
            raise SchedulerError(
                f'partition: found "{name}", expected one of {known}{nearest(name, limits.partitions)}; '
                "set `partition` in the profile or the sweep's [resources]"
            )
        if not limits.partitions[name].is_up:
            raise SchedulerError(f'partition "{name}" takes no jobs now (it is not up); choose another')


def _refuse_names(request: Request, limits: ClusterLimits) -> None:
    for what, name, known in (("account", request.account, limits.accounts), ("qos", request.qos, limits.qos)):
        if name and known and name not in known:
            raise SchedulerError(
                f'{what}: found "{name}", expected one of yours: {", ".join(known)}{nearest(name, known)}; '
                f"set `{what}` in the profile"
            )
    partition = limits.partition(request.partition)
    if partition:
        for what, name, admission in (
            ("account", request.account, partition.accounts),
            ("qos", request.qos or limits.used_qos, partition.qos),
        ):
            if name and not admission.takes(name):
                raise SchedulerError(
                    f'{what}: found "{name}", expected one that partition "{partition.name}" takes: {admission}; set '
                    f"`{what}` or `partition` in the profile"
                )


def _refuse_time(request: Request, limits: ClusterLimits) -> None:
    asked_s = request.minutes * 60
    partition = limits.partition(request.partition)
    if partition and partition.max_s is not None and asked_s > partition.max_s:
        raise SchedulerError(
            f"time: found {format_duration(asked_s)}, expected at most {format_duration(partition.max_s)}, the limit "
            f'of partition "{partition.name}"; the sweep continues in further jobs, so type: --time '
            f"{format_duration(partition.max_s)}"
        )
    if limits.user.max_wall_s is not None and asked_s > limits.user.max_wall_s:
        raise SchedulerError(
            f"time: found {format_duration(asked_s)}, expected at most {format_duration(limits.user.max_wall_s)}, the "
            f"limit of your QOS or account; the sweep continues in further jobs, so type: --time "
            f"{format_duration(limits.user.max_wall_s)}"
        )


def _refuse_size(request: Request, limits: ClusterLimits) -> None:
    partition = limits.partition(request.partition)
    kinds = limits.nodes.get(partition.name, ()) if partition else ()
    if kinds and not any(_fits(request, kind) for kind in kinds):
        has = "; ".join(sorted({_describe(kind) for kind in kinds}))
        raise SchedulerError(
            f"resources: found {request.cpus} CPUs, {request.gres_text() or 'no GPU'}, "
            f"{request.mem_mb or 'default'} MB per worker, expected what one node of partition "
            f'"{partition.name if partition else ""}" has: {has}'
        )


def _fits(request: Request, kind: NodeKind) -> bool:
    gpus = kind.gpus.get(request.gpu_type, 0) if request.gpu_type and not request.gres else kind.all_gpus
    return request.cpus <= kind.cpus and (request.mem_mb or 0) <= kind.mem_mb and request.gpu_count <= gpus


def _describe(kind: NodeKind) -> str:
    gpus = ", ".join(f"{number} {name or 'GPU'}" for name, number in kind.gpus.items())
    return f"{kind.cpus} CPUs, {kind.mem_mb} MB{', ' + gpus if gpus else ''}"


@dataclass(frozen=True)
class ArraySize:
    """How many workers to submit, how many may run at once, and what to tell people about it."""

    workers: int
    at_once: int
    notes: tuple[str, ...] = ()


def choose_workers(
    asked: int | str | None, trajectories: int, max_workers: int | None, limits: ClusterLimits
) -> ArraySize:
    """Return the size of the array: `asked`, or as many as make sense; SchedulerError if what is asked does not fit.

    More workers than may run at once are useless, except for `"each"`, which starts one per trajectory.
    """
    running = min((n for n in (max_workers, limits.user.max_running) if n), default=None)
    room = None if limits.user.max_submitted is None else limits.user.max_submitted - (limits.queued or 0)
    if room is not None and room < 1:
        raise SchedulerError(
            f"you have {limits.queued} jobs in the queue, expected fewer than {limits.user.max_submitted}, the limit "
            "of your QOS or account; wait until some end, or cancel some: hpcsweep cancel SWEEP"
        )
    if isinstance(asked, int):
        return _asked_workers(asked, trajectories, running, room, limits)
    wanted = trajectories if asked == EACH else min(trajectories, running or 8)
    most = min((n for n in (room, limits.max_array_size) if n), default=wanted)
    workers = max(1, min(wanted, most))
    cut = f"{workers} workers for {trajectories} trajectories: the queue takes no more"
    notes = (cut,) if workers < wanted else ()
    return ArraySize(workers, min(workers, running or workers), notes)


def _asked_workers(
    asked: int, trajectories: int, running: int | None, room: int | None, limits: ClusterLimits
) -> ArraySize:
    bounds = ((limits.max_array_size, "the cluster's largest array"), (room, "what your QOS or account takes now"))
    for most, whose in bounds:
        if most is not None and asked > most:
            raise SchedulerError(f"workers: found {asked}, expected at most {most}, {whose}; type: --workers {most}")
    workers = max(1, min(asked, trajectories))
    notes = () if workers == asked else (f"{workers} of {asked} workers: there is at most one per trajectory",)
    return ArraySize(workers, min(workers, running or workers), notes)
