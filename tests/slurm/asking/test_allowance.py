"""What an account may still use, from what `scontrol show assoc_mgr` prints (SLURM 22.05, shortened)."""

from __future__ import annotations

import pytest

from hpcsweep.slurm.asking.allowance import CPU, GPU, read_allowance
from hpcsweep.slurm.commands import Answer

SAID = """\
Current Association Manager state
Association Records
ClusterName=c Account=students UserName= Partition= ParentAccount=root(1) GrpTRESMins=cpu=N(900),gres/gpu=600(480) X=
ClusterName=c Account=students UserName=ann(7) Partition= ParentAccount= GrpTRESMins=cpu=N(90),gres/gpu=300(60) X=
ClusterName=c Account=students UserName=bob(8) Partition= ParentAccount= GrpTRESMins=cpu=N(0),gres/gpu=1(1) X=
QOS Records
QOS=normal(1) GrpTRESMins=cpu=600(30),gres/gpu=N(0) GrpTRESRunMins=cpu=N(60)
QOS=interactive(2) GrpTRESMins=cpu=N(0),gres/gpu=100(90) GrpTRESRunMins=cpu=N(0),gres/gpu=5(0)
"""


@pytest.mark.parametrize(
    ("user", "qos", "what", "hours", "whose"),
    [
        ("ann", "normal", GPU, 2.0, 'account "students"'),
        ("ann", "interactive", GPU, 1 / 6, 'QOS "interactive"'),
        ("ann", "normal", CPU, 9.5, 'QOS "normal"'),
        ("bob", None, GPU, 0.0, 'account "students"'),
        ("ann", None, CPU, None, ""),
    ],
)
def test_the_narrowest_limit_counts(user: str, qos: str | None, what: str, hours: float | None, whose: str) -> None:
    """Limits of the account, of the user's own association and of the QOS hold together; others' do not."""
    left = read_allowance(Answer(SAID), user, "students", qos, what)
    assert (left.hours, left.whose) == (hours, whose)


def test_no_answer_is_no_limit_that_is_known() -> None:
    """What SLURM does not say is said to be unknown."""
    said = read_allowance(Answer("", "scontrol: access denied"), "ann", "students", None, GPU).in_words("GPU-hours")
    assert said == "what your account may still use is not known (scontrol: access denied)"
