"""What the answers of SLURM's commands say about a cluster's limits. Pure functions.

Each answer may be missing (no accounting, no answer, no permission); then the limit is unknown, and this is said.
"""

from __future__ import annotations

import re
from dataclasses import replace

from hpcsweep.slurm.asking.limits import Admission, ClusterLimits, NodeKind, Partition, UserLimits
from hpcsweep.slurm.commands import Answer
from hpcsweep.slurm.text import parse_config, parse_count, parse_duration_s, parse_record

_GPUS = re.compile(r"gpu(?::([A-Za-z][\w.-]*))?:(\d+)")


def read_config(limits: ClusterLimits, answer: Answer) -> ClusterLimits:
    """Add what `scontrol show config` says."""
    config = parse_config(answer.text)
    if answer.problem and "SLURM_VERSION" not in config:
        return _unknown(limits, f"the cluster's settings are not known ({answer.problem})")
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
    records = [parse_record(line) for line in answer.lines if line.startswith("PartitionName=")]
    if answer.problem and not records:
        return _unknown(limits, f"the partitions are not known ({answer.problem})")
    partitions = [_partition(record) for record in records]
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


def _partition(record: dict[str, str]) -> Partition:
    return Partition(
        name=record["PartitionName"],
        is_default=record.get("Default") == "YES",
        is_up=record.get("State", "UP") == "UP",
        max_s=parse_duration_s(record.get("MaxTime", "")),
        accounts=_admission(record, "Accounts"),
        qos=_admission(record, "Qos"),
        groups=_names(record.get("AllowGroups", "")),
        min_nodes=parse_count(record.get("MinNodes", "")) or 0,
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
