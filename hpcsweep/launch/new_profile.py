"""A new profile from what the cluster says of itself: each line with the reason why it is there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcsweep.errors import SchedulerError, UsageError, nearest, to_type
from hpcsweep.files import publish
from hpcsweep.slurm.asking.limits import ClusterLimits, NodeKind, describe_user_limits
from hpcsweep.slurm.scheduler import SLURM
from hpcsweep.slurm.text import format_duration
from hpcsweep.sweep.profile import load_profile, profile_path

USUAL_TIME_S = 4 * 3600.0
MOST_CPUS = 8  # more do not feed a GPU faster; without GPUs there is one worker process per core
MB_A_GB = 1000**3 / 1024**2

Choose = Callable[[str, Sequence[str], str], str]  # asked a question, with the choices and what is likely


@dataclass(frozen=True)
class _Line:
    key: str
    value: Any
    why: str

    def text(self) -> str:
        """Return the line of the TOML file; without a value, as an advice."""
        given = f"{self.key} = {json.dumps(self.value)}" if self.value is not None else f"# {self.key}"
        return f"{given:<28} # {self.why}" if self.why else given


def take_likely(question: str, choices: Sequence[str], likely: str) -> str:
    """Choose what is likely."""
    return likely


def new_profile(
    name: str = "cluster",
    *,
    partition: str | None = None,
    gpus: int | None = None,
    account: str | None = None,
    qos: str | None = None,
    image: str | None = None,
    choose: Choose = take_likely,
) -> Path:
    """Write jobs/profiles/NAME.toml in the working folder from what the cluster says of itself; return the file.

    What is not given, and of which there are several, is `choose`n, by default what is likely: the cluster's default
    partition, one GPU if that has any, the user's default account and QOS. `image` is a container image, or a pattern
    for several, which workers run in. Raises SchedulerError where there is no SLURM or it does not answer, UsageError
    if the file exists or something is asked for that the cluster does not have.
    """
    path = profile_path(Path.cwd(), name)
    if path.exists():
        raise UsageError(f"{path} exists already; expected another name; type: {to_type('profile', 'new', 'NAME')}")
    queue, limits = SLURM.limits(account, qos)
    if queue.absent:
        raise SchedulerError(
            f"SLURM's commands are not on this machine ({queue.problem}); expected a login node of the cluster; train "
            f"here without a profile: {to_type('run', 'SWEEP')}"
        )
    if queue.problem:
        raise SchedulerError(f"SLURM does not answer ({queue.problem}); type the same again later")
    where = _chosen("partition", partition, list(limits.partitions), _default_partition(limits), choose)
    asked = account, qos
    account = _chosen("account", account, limits.accounts, next(iter(limits.accounts), ""), choose)
    qos = _chosen("qos", qos, limits.qos, limits.used_qos or "", choose)
    if qos and (account, qos) != (asked[0] or account, limits.used_qos):
        limits = SLURM.limits(account, qos)[1]
    kind = max(limits.nodes.get(where, ()), key=lambda one: one.count * max(one.all_gpus, 1), default=None)
    lines = [_Line("scheduler", "slurm", ""), *_places(limits, where, account, qos)]
    lines += _resources(limits, where, kind, _gpus(gpus, kind))
    if limits.user.max_running:
        lines.append(_Line("max_workers", limits.user.max_running, "so many of your jobs may run at once"))
    lines.append(_Line("continue", "requeue", "at the end of its time a worker goes back into the queue and goes on"))
    _write(path, [*(line.text() for line in lines), *_container(image)], limits)
    load_profile(Path.cwd(), name)
    return path


def _chosen(what: str, given: str | None, known: Sequence[str], likely: str, choose: Choose) -> str:
    if given is not None:
        if known and given not in known:
            raise UsageError(f'{what}: found "{given}", expected one of {", ".join(known)}{nearest(given, known)}')
        return given
    return choose(what, known, likely or known[0]) if len(known) > 1 else likely or "".join(known)


def _default_partition(limits: ClusterLimits) -> str:
    default = limits.partition(None)
    return default.name if default else ""


def _gpus(asked: int | None, kind: NodeKind | None) -> int:
    there = kind.all_gpus if kind else 0
    if asked is not None and kind is not None and asked > there:
        raise UsageError(f"--gpus: found {asked}, expected at most {there}, which a node of this partition has")
    return min(there, 1) if asked is None else asked


def _places(limits: ClusterLimits, where: str, account: str, qos: str) -> Iterator[_Line]:
    if where:
        kinds = "; ".join(_describe(kind) for kind in limits.nodes.get(where, ()))
        others = [name for name in limits.partitions if name != where]
        yield _Line("partition", where, f"{kinds or 'its nodes are not known'}; others: {', '.join(others) or 'none'}")
    if len(limits.accounts) > 1:
        yield _Line("account", account, f"yours: {', '.join(limits.accounts)}")
    if len(limits.qos) > 1 or (qos and qos != limits.used_qos):
        yield _Line("qos", qos, f"yours: {', '.join(limits.qos)}; its limits: {describe_user_limits(limits.user)}")


def _resources(limits: ClusterLimits, where: str, kind: NodeKind | None, gpus: int) -> Iterator[_Line]:
    partition = limits.partition(where or None)
    most = [limit for limit in (partition.max_s if partition else None, limits.user.max_wall_s) if limit]
    allowed = f"at most {format_duration(min(most))}" if most else "there is no limit"
    time_s = min([USUAL_TIME_S, *most])
    yield _Line("time", format_duration(time_s), f"of a worker; {allowed}; short requests start sooner")
    if kind is None:
        return
    share = gpus / kind.all_gpus if gpus else 1 / kind.cpus
    if gpus:
        yield _Line("gpus", gpus, f"of {kind.all_gpus} that a node has")
        if len(kind.gpus) == 1 and (name := next(iter(kind.gpus))):
            yield _Line("gpu_type", name, "")
    yield _Line("cpus", max(min(int(kind.cpus * share), MOST_CPUS * max(gpus, 1)), 1), f"of {kind.cpus}")
    mem_gb = int(kind.mem_mb * share / MB_A_GB * 10) / 10
    yield _Line("mem_gb", max(mem_gb, 0.1), f"the same share of {kind.mem_mb / MB_A_GB:.0f} GB")


def _describe(kind: NodeKind) -> str:
    gpus = ", ".join(f"{number} {name or 'GPU'}" for name, number in kind.gpus.items())
    return f"{kind.count} node{'s' if kind.count > 1 else ''} with {kind.cpus} CPUs{', ' + gpus if gpus else ''}"


def _container(image: str | None) -> Iterator[str]:
    if image:
        yield from ("", "[container]", f"image = {json.dumps(image)}", 'options = ["--nv"] # shows the GPUs in it')


def _write(path: Path, lines: Sequence[str], limits: ClusterLimits) -> None:
    head = [
        f"# Written by `hpcsweep profile new` on {time.strftime('%Y-%m-%d')}, from what the cluster (SLURM "
        f"{limits.version}) said of itself.",
        "# Change what you like. Options of submit and a sweep's [resources] replace what stands here.",
        *(f"# {sentence}" for sentence in limits.unknown),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    publish(path, "".join(f"{line}\n" for line in [*head, *lines]).encode())
