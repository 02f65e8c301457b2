"""Asking the cluster for everything that limits a submission: a handful of short queries, all at the same time."""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hpcsweep.slurm.asking.limits import ClusterLimits
from hpcsweep.slurm.asking.reading import read_associations, read_config, read_nodes, read_partitions, read_qos
from hpcsweep.slurm.commands import Answer, ask, together
from hpcsweep.slurm.watching.queue import Queue, ask_squeue
from hpcsweep.store.task_files import SlurmFiles

# Typed into one scontrol and one sacctmgr, which may print their prompt, and what is typed, before each answer.
_CONTROLLER = """\
show config
show partition
show assoc_mgr flags=assoc,qos users={user}
quit
"""
_ACCOUNTING = """\
show assoc user={user} format=account,partition,qos,defaultqos,maxwall,maxjobs,maxsubmit
show user {user} format=user,defaultaccount
show qos format=name,maxwall,maxjobspu,maxsubmitpu,flags
quit
"""
_FIELDS = {"assoc": 7, "user": 2, "qos": 5}


def slurm_is_here() -> bool:
    """Whether SLURM's commands are on this machine, as on a login node."""
    return shutil.which("sbatch") is not None


def ask_cluster(
    account: str | None, qos: str | None, submissions: Iterable[SlurmFiles] = ()
) -> tuple[Queue, ClusterLimits]:
    """Ask for the queue of this user, and of those who sent `submissions`, and the cluster's limits, all at once."""
    asked: list[Any] = together(lambda: ask_squeue(submissions), lambda: ask_limits(account, qos))
    queue, limits = asked
    if queue.problem:
        return queue, ClusterLimits(unknown=(f"the cluster's limits are not known ({queue.problem})",))
    return queue, replace(limits, queued=queue.own)


def ask_limits(account: str | None, qos: str | None) -> ClusterLimits:
    """Ask the cluster for everything that limits a submission, once per command.

    Hidden partitions are asked for too: sbatch takes them.
    """
    user = getpass.getuser()
    controller, nodes, accounting = together(
        lambda: ask(["scontrol", "-a", "-o"], typed=_CONTROLLER.format(user=user)),
        lambda: ask(["sinfo", "-h", "-a", "-e", "-o", "%R|%D|%c|%m|%G|%T|%f"]),
        lambda: ask(["sacctmgr", "-n", "-P"], typed=_ACCOUNTING.format(user=user)),
    )
    limits = read_config(ClusterLimits(usage=controller), controller)
    if not limits.version and limits.unknown:
        return limits
    limits = read_nodes(read_partitions(limits, controller), nodes)
    associations, of_user, all_qos = (_answer(accounting, kind) for kind in _FIELDS)
    limits = read_associations(limits, associations, account, qos, default="".join(of_user.lines[:1]).partition("|")[2])
    return read_qos(limits, all_qos, limits.used_qos) if limits.used_qos else limits


def _answer(said: Answer, kind: str) -> Answer:
    """Return one of the answers, told by the number of its fields, less prompts and what was typed."""
    lines = [line.removeprefix("sacctmgr: ") for line in said.lines]
    return replace(said, text="\n".join(line for line in lines if line.count("|") == _FIELDS[kind] - 1))
