"""Respecting a cluster's limits before anything is queued."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsweep.errors import SchedulerError, UsageError
from hpcsweep.slurm.asking.cluster import ask_limits
from hpcsweep.slurm.asking.limits import Admission, ClusterLimits, NodeKind, Partition, UserLimits
from hpcsweep.slurm.asking.reading import read_associations, read_config
from hpcsweep.slurm.asking.request import choose_workers, refuse_impossible
from hpcsweep.slurm.commands import Answer
from hpcsweep.slurm.terms import Request
from hpcsweep.slurm.watching.living import Workforce
from hpcsweep.slurm.watching.queue import Task
from tests.slurm.private_cluster import Cluster

LIMITS = ClusterLimits(
    version="23.11.6",
    max_array_size=1001,
    partitions={
        "teaching": Partition("teaching", is_default=True, max_s=7 * 86400.0),
        "short": Partition("short", max_s=60.0),
        "shut": Partition("shut", is_up=False),
        "staff": Partition("staff", accounts=Admission(allowed=("teachers",)), qos=Admission(denied=("interactive",))),
        "fast": Partition("fast", accounts=Admission(denied=("students",)), qos=Admission(("express",), ("normal",))),
    },
    nodes={"teaching": (NodeKind(20, 36, 360000, {"t4": 4}),), "short": (NodeKind(1, 4, 8000),)},
    enforced=frozenset({"associations", "limits", "qos"}),
    accounts=("students",),
    qos=("interactive", "normal"),
    used_qos="normal",
    user=UserLimits(86400.0, 4, 20),
    queued=5,
)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(3600, partition="teachin"), 'did you mean "teaching"?'),
        (Request(3600, partition="shut"), "takes no jobs now"),
        (Request(3600, account="teachers"), "one of yours: students"),
        (Request(3600, qos="fast"), "one of yours: interactive, normal"),
        (Request(3600, partition="staff", qos="interactive"), 'partition "staff" takes: any but interactive'),
        (Request(3600, partition="staff", account="students"), 'partition "staff" takes: teachers'),
        (Request(3600, partition="fast"), 'qos: found "normal", expected one that partition "fast" takes: express'),
        (Request(3600, partition="fast", account="students"), "any but students"),
        (Request(120, partition="short"), "--time 00:01:00"),
        (Request(2 * 86400), "limit of your QOS or account"),
        (Request(3600, cpus=64), "36 CPUs"),
        (Request(3600, gpus=5), "4 t4"),
        (Request(3600, gpus=1, gpu_type="v100"), "gpu:v100:1"),
        (Request(3600, gres="gpu:t4:8"), "4 t4"),
        (Request(3600, mem_gb=4000), "360000 MB"),
        (Request(60, partition="short", gpus=1), "4 CPUs, 8000 MB"),
    ],
)
def test_what_would_wait_for_ever_is_refused_in_words(request_: Request, words: str) -> None:
    """A request that SLURM would refuse, or leave pending for ever, is refused before queueing."""
    with pytest.raises(SchedulerError) as refusal:
        refuse_impossible(request_, LIMITS)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_fits_is_let_through() -> None:
    """A request within all limits passes, and so does any request where nothing is known."""
    refuse_impossible(Request(86400, partition="teaching", cpus=8, mem_gb=100, gpus=4, gpu_type="t4"), LIMITS)
    refuse_impossible(Request(3600, partition="staff"), LIMITS)
    refuse_impossible(Request(10**9, partition="any", cpus=999, gpus=99), ClusterLimits())


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\x00", "a\u2028b", "a\x85b"])
def test_no_line_end_reaches_the_batch_script(text: str) -> None:
    """Text that could begin another #SBATCH line is refused."""
    with pytest.raises(UsageError):
        Request(60, constraint=text).sbatch_parameters()


def test_the_array_is_as_large_as_it_may_be_useful() -> None:
    """Workers default to what may run at once, in all arrays together; "each" takes what the queue has room for; more
    than fits is refused.
    """
    assert choose_workers(None, 100, None, LIMITS).workers == 4
    assert choose_workers(None, 3, None, LIMITS).workers == 3
    assert choose_workers(None, 100, 2, LIMITS).workers == 2
    each = choose_workers("each", 100, None, LIMITS)
    assert (each.workers, each.at_once) == (15, 4)
    queued = Workforce(tuple(Task(f"7_{n}", "PENDING") for n in range(9)), at_once=3)
    more = choose_workers(12, 100, None, LIMITS, queued)
    assert (more.workers, more.at_once) == (3, 1)
    assert choose_workers(12, 100, None, LIMITS, replace(queued, at_once=1)).at_once == 3
    assert choose_workers(12, 100, 4, LIMITS, replace(queued, at_once=4)).at_once == 1
    assert each.notes
    assert choose_workers(9, 100, None, LIMITS).workers == 9
    with pytest.raises(SchedulerError, match="--workers 15"):
        choose_workers(16, 100, None, LIMITS)
    with pytest.raises(SchedulerError, match="cancel some"):
        choose_workers(1, 1, None, replace(LIMITS, queued=20))
    assert choose_workers("each", 5000, None, ClusterLimits(max_array_size=1001)).workers == 1001


def test_silence_is_said_and_not_taken_for_a_limit() -> None:
    """Each query that gets no answer leaves a sentence behind, and no limit."""
    limits = read_config(ClusterLimits(), Answer("", "scontrol is not on this machine"))
    limits = read_associations(limits, Answer("", "sacctmgr: no accounting"), None, None)
    assert len(limits.unknown) == 2
    assert limits.user == UserLimits()
    assert limits.used_qos is None


def test_limits_of_a_real_cluster(on_cluster: Cluster) -> None:
    """Partitions, array size, QOS and nodes are read from a running SLURM."""
    limits = ask_limits(None, "interactive")
    assert limits.unknown == ()
    assert limits.max_array_size == 10001
    assert limits.partitions["short"].max_s == 60
    assert limits.partition(None) == limits.partitions["teaching"]
    assert limits.user == UserLimits(86400.0, 4, 12)
    assert limits.nodes["dgx"][0].gpus == {"": 4}
    assert ask_limits(None, None).user == UserLimits()
