"""Why a job waits, in words: SLURM's reason codes, which of them never go away by themselves, and what helps."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class PendingReason:
    """One reason code in words; `stuck` jobs do not start unless somebody does something.

    `advice` says what to do; it is a template, see store/causes.py.
    """

    code: str
    words: str
    stuck: bool = False
    advice: str = ""


_WAITING = {
    "None": "not looked at by the scheduler yet",
    "Priority": "jobs of higher priority are ahead of it",
    "Resources": "next in turn; waits for nodes to become free",
    "BeginTime": "starts at the time that was asked for; or shortly, after a requeue",
    "Dependency": "waits for another job to end",
    "JobArrayTaskLimit": "this array already runs as many tasks as it allows at once",
    "QOSMaxJobsPerUserLimit": "you have as many running jobs as your QOS allows; starts when one of them ends",
    "AssocMaxJobsLimit": "you have as many running jobs as your account allows; starts when one of them ends",
    "QOSMaxGRESPerUser": "you use as many GPUs as your QOS allows; starts when some become free",
    "QOSMaxCpuPerUserLimit": "you use as many cores as your QOS allows; starts when some become free",
    "QOSMaxMemoryPerUser": "you use as much memory as your QOS allows; starts when some becomes free",
    "QOSGrpGRES": "all users of your QOS together use as many GPUs as it allows",
    "QOSGrpCpuLimit": "all users of your QOS together use as many cores as it allows",
    "QOSGrpJobsLimit": "all users of your QOS together have as many running jobs as it allows",
    "AssocGrpGRES": "all users of your account together use as many GPUs as it allows",
    "AssocGrpCpuLimit": "all users of your account together use as many cores as it allows",
    "AssocGrpJobsLimit": "all users of your account together have as many running jobs as it allows",
    "Licenses": "waits for a licence",
    "Reservation": "waits for its reservation to begin",
    "Prolog": "the node is being prepared",
    "Cleaning": "an earlier attempt is being cleaned up",
    "NodeDown": "a node that it needs is down",
    "PartitionDown": "the partition is closed for new starts by the administrators",
    "PartitionInactive": "the partition is switched off by the administrators",
    "SchedDefer": "the scheduler has postponed it",
    "Nodes required for job are DOWN": "nodes that it needs are down, drained or reserved",
}
_OTHER_QOS = "the partition does not take this QOS", "set another `qos` or `partition`"
_OTHER_ACCOUNT = "the partition does not take your account", "set another `account` or `partition`"
_RELEASE = "type: {release}"
STUCK = {
    "PartitionTimeLimit": ("asks for more time than the partition allows", "submit again with a shorter --time"),
    "PartitionNodeLimit": ("takes one node, and the partition is for other jobs", "choose another partition"),
    "PartitionConfig": ("no node of the partition has what it asks for", "ask for fewer CPUs, GPUs or less memory"),
    "BadConstraints": ("no node fits its constraints", "change `constraint` or the resources"),
    "DependencyNeverSatisfied": ("waits for a job that can no longer end as required", "cancel it and resume"),
    "QOSMaxWallDurationPerJobLimit": ("asks for more time than your QOS allows", "submit again with a shorter --time"),
    "AssocMaxWallDurationPerJobLimit": (
        "asks for more time than your account allows",
        "submit again with a shorter --time",
    ),
    "InvalidAccount": ("your account is not valid here", "set `account` in the profile; see sacctmgr show assoc"),
    "InvalidQOS": ("the QOS is not valid here", "set `qos` in the profile; see sacctmgr show qos"),
    "QOSNotAllowed": _OTHER_QOS,
    "Job's QOS not permitted to use this partition": _OTHER_QOS,
    "AccountNotAllowed": _OTHER_ACCOUNT,
    "Job's account not permitted to use this partition": _OTHER_ACCOUNT,
    "JobHeldUser": ("held by you", _RELEASE),
    "JobHeldAdmin": ("held by an administrator", "ask the administrators"),
    "JobHoldMaxRequeue": ("was requeued too many times and is held", _RELEASE),
    "ReservationDeleted": ("its reservation is gone, so it is held", "cancel it and resume without the reservation"),
    "launch failed requeued held": ("could not be started on its node and is held", f"{_RELEASE}; or exclude the node"),
    "user env retrieval failed requeued held": ("its node could not read your environment, so it is held", _RELEASE),
    "job requeued in held state": ("was requeued by somebody and is held", _RELEASE),
    "ReqNodeNotAvail": (
        "a node that it needs is not available (down, reserved or under maintenance)",
        "shorten --time, or choose another partition",
    ),
    "QOSUsageThreshold": ("your QOS has used up its computing time", "ask the administrators"),
}
# by how the code of a limit begins and ends, whatever resource it names between; with advice: it stays as it is
_LIMITS = (
    (
        r"Max\w*MinutesPerJob",
        "asks for more computing time per job than {of} allows",
        "submit again with a shorter --time",
    ),
    (r"\w*RunMinutes", "what runs now may still use as much computing time as {of} allows", ""),
    (r"Grp\w*Minutes", "{of} has used up its computing time", "ask the administrators, or set another account or QOS"),
    (
        r"Max\w*Per(?:Job|Node)",
        "asks for more per job or node than {of} allows",
        "ask for fewer CPUs, GPUs or less memory",
    ),
    (r"Min\w+", "asks for less than {of} requires", "ask for more, or set another `qos`"),
)


def pending_reason(code: str) -> PendingReason:
    """Return the words for a reason code as squeue prints it, e.g. `Priority` or `ReqNodeNotAvail, May be reserved`."""
    code = code.strip().strip("()")
    key = re.split(r",| \(", code)[0].strip()  # `ReqNodeNotAvail, May be reserved`, `Job's QOS ... (dgx denies ...)`
    if key in _WAITING:
        return PendingReason(code, _WAITING[key])
    if key in STUCK:
        words, advice = STUCK[key]
        return PendingReason(code, words, True, advice)
    if limit := _limit(key):
        words, advice = limit
        return PendingReason(code, f"{words} ({key})", bool(advice), advice)
    if key.endswith(("Limit", "PerUser", "PerAccount")) or key.startswith(("QOSMax", "QOSGrp", "AssocMax", "AssocGrp")):
        return PendingReason(code, f"a limit of your account or QOS is reached ({key})")
    return PendingReason(code, f"SLURM says {key or 'nothing'}")


def _limit(key: str) -> tuple[str, str] | None:
    """Return the words and the advice for the code of a limit, by its form; None if it is of no known form."""
    of = "your QOS" if key.startswith("QOS") else "your account"
    found = ((words, advice) for form, words, advice in _LIMITS if re.match(f"(?:QOS|Assoc){form}", key))
    return next(((words.format(of=of), advice) for words, advice in found), None)
