"""What is refused before queueing is what SLURM itself does not take, and nothing else."""

from __future__ import annotations

import getpass
import os
import pwd
import subprocess
from collections.abc import Callable, Iterator

import pytest

from hpcsweep.errors import SchedulerError
from hpcsweep.slurm.asking.cluster import ask_limits
from hpcsweep.slurm.asking.features import may_have
from hpcsweep.slurm.asking.request import may_use, refuse_impossible
from hpcsweep.slurm.terms import Request
from tests.slurm.private_cluster import Cluster, start_cluster, stop_cluster

PARTITIONS = """\
NodeName=lost1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=1 CPUs=64 RealMemory=9000 State=DOWN Reason=test
PartitionName=staff Nodes=dgx[1-2] AllowAccounts=root
PartitionName=notus Nodes=dgx[1-2] DenyAccounts=students
PartitionName=express Nodes=dgx[1-2] AllowQos=interactive
PartitionName=hidden Nodes=dgx[1-2] Hidden=YES
PartitionName=broken Nodes=lost1
PartitionName=circle Nodes=dgx[1-2] AllowGroups=games
PartitionName=pairs Nodes=dgx[1-2] MinNodes=2
PartitionName=closed Nodes=dgx[1-2] State=DOWN
"""
SOON_S = 6
ASKED = {
    "as it is": (Request(600, account="students"), ""),
    "hidden": (Request(600, partition="hidden", account="students"), ""),
    "AllowAccounts": (Request(600, partition="staff", account="students"), 'partition "staff" takes: root'),
    "DenyAccounts": (Request(600, partition="notus", account="students"), 'partition "notus" takes: any but students'),
    "AllowQos": (Request(600, partition="express", account="students"), 'partition "express" takes: interactive'),
    "AllowQos, the right one": (Request(600, partition="express", qos="interactive", account="students"), ""),
    "DenyQos": (Request(600, partition="plain", qos="interactive", account="students"), "any but interactive"),
    "all nodes down": (Request(600, partition="broken", account="students"), "down or drained (1 down"),
    "one of two takes it": (Request(600, partition="broken,dgx", account="students"), ""),
    "partition down": (Request(600, partition="closed", account="students"), "takes no jobs now"),
    "nodes": (Request(600, partition="pairs", account="students"), "for jobs of 2 nodes and more"),
    "time": (Request(600, partition="short", account="students"), "--time 00:01:00"),
    "GPUs": (Request(600, gpus=9, account="students"), "4 GPU"),
    "memory": (Request(600, mem_gb=99, account="students"), "10000 MB"),
    "CPUs": (Request(600, cpus=9, account="students"), "4 CPUs"),
    "feature": (Request(600, constraint="fast", account="students"), ""),
    "no such feature": (Request(600, constraint="slow", account="students"), "has: fast, v100"),
    "and": (Request(600, constraint="fast&v100", account="students"), ""),
    "and not": (Request(600, constraint="fast&slow", account="students"), 'constraint: found "fast&slow"'),
    "or": (Request(600, constraint="v100|fast", account="students"), ""),
    "in brackets": (Request(600, constraint="[fast|v100]", account="students"), ""),
    "in brackets, none": (Request(600, constraint="[slow|slower]", account="students"), "has: fast, v100"),
    "counted": (Request(600, constraint="fast*1", account="students"), ""),
    "grouped": (Request(600, constraint="(fast|v100)&v100", account="students"), ""),
    "grouped, none": (Request(600, constraint="(slow|slower)&fast", account="students"), "has: fast, v100"),
    "AllowGroups, a member": (Request(600, partition="circle", account="students"), ""),
}
MEMBER, STRANGER = "games", "nobody"  # users that every Debian has
USER = MEMBER if os.geteuid() == 0 else getpass.getuser()


@pytest.fixture(scope="module")
def choosy(packages: None) -> Iterator[Cluster]:
    """A cluster that does not take everything from everybody."""
    running = start_cluster(EXTRA_CONF=PARTITIONS, NODE_EXTRA="Feature=fast,v100")
    try:
        for user in (MEMBER, STRANGER):
            qos = ("qos=normal,interactive", "defaultqos=normal")
            running.ask("sacctmgr", "-i", "add", "user", user, "account=students", *qos)
        yield running
    finally:
        stop_cluster(running)


def verdict(cluster: Cluster, request: Request, user: str = USER) -> bool:
    """Return whether SLURM takes a user's job and would ever start it, as things are; newer ones let root do more."""
    who = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups", "env", "-C", "/"]
    words = [
        *(who if os.geteuid() == 0 else ()),
        "sbatch",
        *request.sbatch_options(),
        "--nodes=1",
        "--wrap=true",
        "--output=/dev/null",
        "--parsable",
    ]
    sent = subprocess.run(words, env=cluster.environment, capture_output=True, text=True, check=False)
    if sent.returncode:
        return False
    job = sent.stdout.strip()
    try:
        state = ("squeue", "-h", "-a", "-t", "all", "-j", job, "-o", "%T")
        cluster.wait_until(lambda: "PENDING" not in cluster.ask(*state), SOON_S)
    except TimeoutError:
        return False
    finally:
        cluster.ask("scancel", job)
    return True


def test_the_table_of_refusals_is_that_of_slurm_itself(choosy: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request: refused in one line with these words, where SLURM refuses it or leaves it pending; else let
    through.
    """
    for name in [name for name in os.environ if name.startswith(("SLURM", "SBATCH"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLURM_CONF", choosy.environment["SLURM_CONF"])
    for name, (request, words) in ASKED.items():
        limits = ask_limits(request.account, request.qos)
        if name == "AllowAccounts" and limits.version > "23":
            words = ""  # "students" lies under "root"
        said = ""
        try:
            refuse_impossible(request, limits)
        except SchedulerError as refusal:
            said = str(refusal)
        assert (words in said) if words else not said, (name, said)
        assert "\n" not in said
        assert verdict(choosy, request) == (not words), name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be other users")
def test_a_partition_for_a_group_is_refused_to_strangers_alone(choosy: Cluster) -> None:
    """Two users without rights of their own, one of the partition's group: we and SLURM say the same of both."""
    request = Request(600, partition="circle", account="students")
    for user, may in ((MEMBER, True), (STRANGER, False)):
        assert as_user(user, lambda: may_use(["games"])) is may
        assert verdict(choosy, request, user) is may


def as_user(user: str, question: Callable[[], bool]) -> bool:
    """Return what a process of a user answers."""
    known = pwd.getpwnam(user)
    if (child := os.fork()) == 0:
        os.setgroups(os.getgrouplist(user, known.pw_gid))
        os.setgid(known.pw_gid)
        os.setuid(known.pw_uid)
        os._exit(int(question()))
    return bool(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


@pytest.mark.parametrize(
    ("constraint", "may"),
    [
        ("a", True),
        ("c", False),
        ("a&b", True),
        ("a,c", False),
        ("c|a", True),
        ("c|a&b", True),
        ("a&c|b", True),
        ("(a|c)&b", True),
        ("(c|d)&b", False),
        ("[c|d]", False),
        ("[c|a]", True),
        ("c*2", False),
        ("a*2", True),
        ("(a|c)*2&b", True),
        ("[c*2&a*1]", True),
        ("(c)", False),
        ("((a|c)&(b|d))", True),
        ("(a|c", True),
        ("!c", True),
        ("a&", True),
    ],
)
def test_constraints_are_read_as_slurm_might(constraint: str, may: bool) -> None:
    """On a node with the features a and b; what is not understood is left to SLURM."""
    assert may_have(constraint, {"a", "b"}) is may
