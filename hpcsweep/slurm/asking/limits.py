"""What the cluster allows: partitions, array sizes, the limits of the user's QOS and association, what nodes have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hpcsweep.slurm.commands import Answer
from hpcsweep.slurm.text import format_duration

OUT_OF_ORDER = frozenset({"down", "drained", "draining", "fail", "failing", "error", "inval", "future"})


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
    """One partition; `max_s` is None if it has no limit. `groups`: of users, one of which must be the user's.

    `min_nodes`: how many nodes each of its jobs must take at least.
    """

    name: str
    is_default: bool = False
    is_up: bool = True
    max_s: float | None = None
    accounts: Admission = Admission()
    qos: Admission = Admission()
    groups: tuple[str, ...] = ()
    min_nodes: int = 0


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
    usage: Answer = field(default=Answer(""), repr=False)  # of accounts and QOS, as SLURM's association manager says it
    unknown: tuple[str, ...] = ()

    def partition(self, name: str | None) -> Partition | None:
        """Return the partition `name`, or the default one for None; None if there is none, or it is unknown."""
        if name is not None:
            return self.partitions.get(name)
        return next((one for one in self.partitions.values() if one.is_default), None)


def describe_user_limits(limits: UserLimits) -> str:
    """Return the limits in words."""
    parts = [
        f"{format_duration(limits.max_wall_s)} per job" if limits.max_wall_s is not None else "",
        f"{limits.max_running} running" if limits.max_running is not None else "",
        f"{limits.max_submitted} queued and running" if limits.max_submitted is not None else "",
    ]
    return ", ".join(part for part in parts if part) or "none"


def _least(one: Any, other: Any) -> Any:
    given = [number for number in (one, other) if number is not None]
    return min(given) if given else None
