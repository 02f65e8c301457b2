"""From a profile (with the sweep's resources in it) to what SLURM is asked."""

from __future__ import annotations

import shlex
import sys

from hpcsweep.slurm.terms import DEFAULT_CPUS, Request, SlurmTerms, require_plain
from hpcsweep.sweep.profile import Profile

DEFAULT_TIME_S = 3600


def make_request(profile: Profile, default_s: float = DEFAULT_TIME_S) -> Request:
    """Return the request that a profile (with the sweep's resources in it) stands for."""
    return Request(
        time_s=profile.time_s or default_s,
        partition=profile.partition,
        cpus=profile.cpus or DEFAULT_CPUS,
        mem_gb=profile.mem_gb,
        gpus=profile.gpus,
        gpu_type=profile.gpu_type,
        gres=profile.gres,
        account=profile.account,
        qos=profile.qos,
        constraint=profile.constraint,
        exclude=profile.exclude,
        mail_user=profile.mail_user,
        mail_type=profile.mail_type,
    )


def make_terms(profile: Profile, request: Request, *, at_once: int, accounting: bool = True) -> SlurmTerms:
    """Return the terms that a profile (with the sweep's resources in it) stands for."""
    for text in (*profile.setup, *profile.modules, *profile.environment.values(), profile.python or ""):
        require_plain("profile", text)
    environment = dict(profile.environment)
    if profile.data:
        environment.setdefault("HPCSWEEP_DATA", profile.data)
    return SlurmTerms(
        request=request,
        continue_by=profile.continue_,
        signal_lead_s=float(profile.signal_lead_s),
        workers_per_gpu=profile.workers_per_gpu or 1,
        at_once=at_once,
        modules=tuple(profile.modules),
        setup=tuple(profile.setup),
        environment=environment,
        python=python_command(profile),
        host_python=sys.executable,
        accounting=accounting,
        profile=profile.name,
    )


def python_command(profile: Profile) -> str:
    """Return the shell words that start Python on the node, inside the profile's container if it has one."""
    if profile.container is None:
        return profile.python if profile.python else shlex.quote(sys.executable)
    container = profile.container
    words = [container.command, "exec", *container.options, container.image]
    return f"{shlex.join(words)} {profile.python or 'python3'}"
