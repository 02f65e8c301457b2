"""What an account may still use: the limits of GPU or CPU time of its association and QOS, less what is used."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterable
from dataclasses import dataclass

from hpcsweep.slurm.asking.limits import ClusterLimits
from hpcsweep.slurm.commands import Answer

_LIMIT = re.compile(r"(?P<what>[\w/]+)=(?P<most>\d+)\((?P<used>\d+)\)")
GPU, CPU = "gres/gpu", "cpu"


@dataclass(frozen=True)
class Allowance:
    """Hours that are left of the narrowest limit, and whose it is; None if there is no limit, or it is not known."""

    hours: float | None = None
    whose: str = ""
    problem: str = ""

    def in_words(self, unit: str) -> str:
        """Return a line for people."""
        if self.problem:
            return f"what your account may still use is not known ({self.problem})"
        if self.hours is None:
            return f"the cluster sets no limit of {unit} for your account and QOS"
        return f"{self.whose} may still use {self.hours:.3g} {unit}"


def allowance_of(limits: ClusterLimits, account: str | None, what: str = GPU) -> Allowance:
    """Return what `account`, by default the user's first one, and the QOS may still use of GPUs or CPUs."""
    accounts = (account,) if account else limits.accounts
    if not accounts:
        return Allowance(problem="you have no association")
    return read_allowance(limits.usage, getpass.getuser(), accounts[0], limits.used_qos, what)


def accounts_above(limits: ClusterLimits, account: str) -> set[str]:
    """Return the accounts that an account lies under, as far as the association manager tells."""
    records = (dict(pair.partition("=")[::2] for pair in line.split()) for line in limits.usage.lines)
    parent = {
        one["Account"]: one.get("ParentAccount", "").partition("(")[0]
        for one in records
        if "Account" in one and not one.get("UserName")
    }
    above: set[str] = set()
    while (account := parent.get(account, "")) and account not in above:
        above.add(account)
    return above


def read_allowance(answer: Answer, user: str, account: str, qos: str | None, what: str) -> Allowance:
    """Return the narrowest limit in what `scontrol show assoc_mgr` says."""
    if answer.problem and "UserName=" not in answer.text:
        return Allowance(problem=answer.problem)
    found = [*_limits(answer.lines, user, account, qos, what)]
    hours, whose = min(found, default=(None, ""))
    return Allowance(hours, whose)


def _limits(lines: Iterable[str], user: str, account: str, qos: str | None, what: str) -> Iterable[tuple[float, str]]:
    """Yield (hours left, whose) of each limit on `what` that holds for the user."""
    for line in lines:
        fields = dict(pair.partition("=")[::2] for pair in line.split())
        whose = ""
        if qos and fields.get("QOS", "").partition("(")[0] == qos:
            whose = f'QOS "{qos}"'
        elif fields.get("Account") == account and fields.get("UserName", "").partition("(")[0] in ("", user):
            whose = f'account "{account}"'
        for match in _LIMIT.finditer(fields.get("GrpTRESMins", "")) if whose else ():
            if match["what"] == what:
                yield max(int(match["most"]) - int(match["used"]), 0) / 60, whose
