"""What the cluster allows: partitions, array sizes, the limits of the user's QOS and association, what nodes have.

Each query may be unavailable (no accounting, no answer, no permission); then the limit is unknown, and this is said.
"""

from __future__ import annotations

import getpass
import re
import shutil
from dataclasses import dataclass, field, replace
from typing import Any

from hpcsweep.slurm.commands import Answer, ask, together
from hpcsweep.slurm.text import format_duration, parse_config, parse_count, parse_duration_s, parse_record
from hpcsweep.slurm.watching.queue import Queue, ask_squeue

OUT_OF_ORDER = frozenset({"down", "drained", "draining", "fail", "failing", "error", "inval", "future"})
_GPUS = re.compile(r"gpu(?::([A-Za-z][\w.-]*))?:(\d+)")


@dataclass(frozen=True)
class NodeKind:
    """Nodes of a partition that are alike; `gpus`: number of each type, "" if the type has no name."""

    count: int
    cpus: int
    mem_mb: int
    gpus: dict[str, int] = field(default_factory=dict)
    state: str = "idle"
    features: frozenset[str] = frozenset()

    @property
    def is_up(self) -> bool:
        """Whether it takes jobs, now or when others end."""
        return self.state.rstrip("*~#!%$@^-+") not in OUT_OF_ORDER

    @property
    def all_gpus(self) -> int:
        return sum(self.gpus.values())


@dataclass(frozen=True)
class Admission:
    """Which names a partition takes: those `allowed`, or if there are none, all but those `denied`."""

    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()

    def takes(self, name: str) -> bool:
        """Whether jobs of this account or QOS can start there; others wait for ever."""
        return name in self.allowed if self.allowed else name not in self.denied

    def __str__(self) -> str:
        return ", ".join(self.allowed) if self.allowed else f"any but {', '.join(self.denied)}"


@dataclass(frozen=True)
class Partition:
    """One partition; `max_s` is None if it has no limit. `groups`: of users, one of which must be the user's."""

    name: str
    is_default: bool = False
    is_up: bool = True
    max_s: float | None = None
    accounts: Admission = Admission()
    qos: Admission = Admission()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class UserLimits:
    """What one association or QOS allows a user; None means no limit, or not known."""

    max_wall_s: float | None = None
    max_running: int | None = None
    max_submitted: int | None = None

    def tightened(self, other: UserLimits) -> UserLimits:
        """Return the stricter of the two, limit by limit."""
        return UserLimits(
            _least(self.max_wall_s, other.max_wall_s),
            _least(self.max_running, other.max_running),
            _least(self.max_submitted, other.max_submitted),
        )


@dataclass(frozen=True)
class ClusterLimits:
    """All that could be found out; `unknown` holds one sentence about each thing that could not."""

    version: str = ""
    max_array_size: int | None = None
    requeue_by_default: bool = True
    accounting: bool = True
    partitions: dict[str, Partition] = field(default_factory=dict)
    nodes: dict[str, tuple[NodeKind, ...]] = field(default_factory=dict)
    enforced: frozenset[str] = frozenset()  # of "associations", "limits" and "qos"
    accounts: tuple[str, ...] = ()
    qos: tuple[str, ...] = ()
    used_account: str | None = None  # what a submission will have, as far as that is known
    used_qos: str | None = None
    longer_than_partition: bool = False  # whether that QOS may ask for more time than a partition allows
    user: UserLimits = UserLimits()
    queued: int | None = None
    unknown: tuple[str, ...] = ()

    def partition(self, name: str | None) -> Partition | None:
        """Return the partition `name`, or the default one for None; None if there is none, or it is unknown."""
        if name is not None:
            return self.partitions.get(name)
        return next((one for one in self.partitions.values() if one.is_default), None)


def slurm_is_here() -> bool:
    """Whether SLURM's commands are on this machine, as on a login node."""
    return shutil.which("sbatch") is not None


def ask_cluster(account: str | None, qos: str | None) -> tuple[Queue, ClusterLimits]:
    """Ask for this user's queue and the cluster's limits, all at the same time."""
    asked: list[Any] = together(ask_squeue, lambda: ask_limits(account, qos))
    queue, limits = asked
    if queue.problem:
        return queue, ClusterLimits(unknown=(f"the cluster's limits are not known ({queue.problem})",))
    return queue, replace(limits, queued=len(queue.tasks))


def ask_limits(account: str | None, qos: str | None) -> ClusterLimits:
    """Ask the cluster for everything that limits a submission: a handful of short queries, once per command.

    Hidden partitions are asked for too: sbatch takes them.
    """
    config, partitions, nodes, accounting = together(
        lambda: ask(["scontrol", "show", "config"]),
        lambda: ask(["scontrol", "-a", "show", "partition", "--oneliner"]),
        lambda: ask(["sinfo", "-h", "-a", "-e", "-o", "%R|%D|%c|%m|%G|%T|%f"]),
        lambda: ask(["sacctmgr", "-n", "-P"], typed=_ACCOUNTING.format(user=getpass.getuser())),
    )
    limits = read_config(ClusterLimits(), config)
    if not limits.version and limits.unknown:
        return limits
    limits = read_nodes(read_partitions(limits, partitions), nodes)
    associations, of_user, all_qos = (_answer(accounting, kind) for kind in _FIELDS)
    limits = read_associations(limits, associations, account, qos, default="".join(of_user.lines[:1]).partition("|")[2])
    return read_qos(limits, all_qos, limits.used_qos) if limits.used_qos else limits


# Typed into one sacctmgr, which may print its prompt, and what is typed, before each answer.
_ACCOUNTING = """\
show assoc user={user} format=account,partition,qos,defaultqos,maxwall,maxjobs,maxsubmit
show user {user} format=user,defaultaccount
show qos format=name,maxwall,maxjobspu,maxsubmitpu,flags
quit
"""
_FIELDS = {"assoc": 7, "user": 2, "qos": 5}


def _answer(said: Answer, kind: str) -> Answer:
    """Return one of the answers, told by the number of its fields, less prompts and what was typed."""
    lines = [line.removeprefix("sacctmgr: ") for line in said.lines]
    return replace(said, text="\n".join(line for line in lines if line.count("|") == _FIELDS[kind] - 1))


def read_config(limits: ClusterLimits, answer: Answer) -> ClusterLimits:
    """Add what `scontrol show config` says."""
    if answer.problem:
        return _unknown(limits, f"the cluster's settings are not known ({answer.problem})")
    config = parse_config(answer.text)
    return replace(
        limits,
        version=config.get("SLURM_VERSION", ""),
        max_array_size=parse_count(config.get("MaxArraySize", "")),
        requeue_by_default=config.get("JobRequeue", "1") != "0",
        accounting=config.get("AccountingStorageType", "") != "accounting_storage/none",
        enforced=_enforced(config.get("AccountingStorageEnforce", "")),
    )


def _enforced(text: str) -> frozenset[str]:
    """Return what of a user's limits SLURM holds to; some words imply others."""
    words = {word.strip() for word in text.lower().split(",")}
    if words & {"all", "safe", "limits"}:
        words |= {"limits", "associations"}
    if words & {"all", "qos"}:
        words |= {"qos", "associations"}
    return frozenset(words & {"associations", "limits", "qos"})


def read_partitions(limits: ClusterLimits, answer: Answer) -> ClusterLimits:
    """Add the partitions."""
    if answer.problem:
        return _unknown(limits, f"the partitions are not known ({answer.problem})")
    records = [parse_record(line) for line in answer.lines]
    partitions = [_partition(record) for record in records if "PartitionName" in record]
    return replace(limits, partitions={one.name: one for one in partitions})


def read_nodes(limits: ClusterLimits, answer: Answer) -> ClusterLimits:
    """Add what the nodes of each partition have."""
    if answer.problem:
        return _unknown(limits, f"the nodes are not known ({answer.problem})")
    nodes: dict[str, list[NodeKind]] = {}
    for line in answer.lines:
        partition, count, cpus, mem, gres, state, features = (line.split("|") + [""] * 7)[:7]
        if count.isdecimal() and cpus.isdecimal() and mem.isdecimal():
            gpus = {kind: int(number) for kind, number in _GPUS.findall(gres)}
            has = frozenset() if features == "(null)" else frozenset(features.split(","))
            nodes.setdefault(partition, []).append(NodeKind(int(count), int(cpus), int(mem), gpus, state, has))
    return replace(limits, nodes={name: tuple(kinds) for name, kinds in nodes.items()})


def read_associations(
    limits: ClusterLimits, answer: Answer, account: str | None, qos: str | None, default: str = ""
) -> ClusterLimits:
    """Add the limits of the user's association, and the account and QOS that a submission for these will have."""
    rows = [row for row in ((line.split("|") + [""] * 7)[:7] for line in answer.lines) if row[0]]
    if answer.problem or not rows:
        why = answer.problem or "you have no association"
        said = f"the limits of your account and QOS are not known ({why})"
        return replace(_unknown(limits, said), used_qos=None if answer.problem else qos)
    used = account or default or (rows[0][0] if len(rows) == 1 else None)
    mine = next((row for row in rows if row[0] == used), rows[0])
    names = tuple(dict.fromkeys(name for row in rows for name in row[2].split(",") if name))
    return replace(
        limits,
        accounts=tuple(dict.fromkeys(row[0] for row in rows)),
        qos=names,
        used_account=used,
        used_qos=qos or mine[3] or (names[0] if len(names) == 1 else None),
        user=limits.user.tightened(_user_limits(limits, mine[4:7])),
    )


def read_qos(limits: ClusterLimits, answer: Answer, qos: str) -> ClusterLimits:
    """Add the limits of a QOS."""
    rows = [(line.split("|") + [""] * 5)[:5] for line in answer.lines]
    row = next((row for row in rows if row[0] == qos), None)
    if answer.problem or row is None:
        return _unknown(limits, f'the limits of QOS "{qos}" are not known ({answer.problem or "no such QOS"})')
    user = limits.user.tightened(_user_limits(limits, row[1:4]))
    return replace(limits, user=user, longer_than_partition="PartitionTimeLimit" in row[4])


def describe_user_limits(limits: UserLimits) -> str:
    """Return the limits in words."""
    parts = [
        f"{format_duration(limits.max_wall_s)} per job" if limits.max_wall_s is not None else "",
        f"{limits.max_running} running" if limits.max_running is not None else "",
        f"{limits.max_submitted} queued and running" if limits.max_submitted is not None else "",
    ]
    return ", ".join(part for part in parts if part) or "none"


def _partition(record: dict[str, str]) -> Partition:
    return Partition(
        name=record["PartitionName"],
        is_default=record.get("Default") == "YES",
        is_up=record.get("State", "UP") == "UP",
        max_s=parse_duration_s(record.get("MaxTime", "")),
        accounts=_admission(record, "Accounts"),
        qos=_admission(record, "Qos"),
        groups=_names(record.get("AllowGroups", "")),
    )


def _admission(record: dict[str, str], whom: str) -> Admission:
    return Admission(_names(record.get(f"Allow{whom}", "")), _names(record.get(f"Deny{whom}", "")))


def _names(text: str) -> tuple[str, ...]:
    return () if text in ("", "ALL", "N/A", "(null)") else tuple(text.split(","))


def _user_limits(limits: ClusterLimits, fields: list[str]) -> UserLimits:
    """Return the limits in an answer, as far as the cluster holds to them."""
    wall, running, submitted = fields
    if "limits" not in limits.enforced:
        return UserLimits()
    return UserLimits(parse_duration_s(wall), parse_count(running), parse_count(submitted))


def _unknown(limits: ClusterLimits, sentence: str) -> ClusterLimits:
    return replace(limits, unknown=(*limits.unknown, sentence))


def _least(one: Any, other: Any) -> Any:
    given = [number for number in (one, other) if number is not None]
    return min(given) if given else None
