"""From a profile (with the sweep's resources in it) to what SLURM is asked."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from hpcsweep.errors import UsageError
from hpcsweep.slurm.terms import DEFAULT_CPUS, Request, SlurmTerms, require_plain
from hpcsweep.sweep.containers import IMAGE, in_container
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


def make_terms(
    profile: Profile,
    request: Request,
    *,
    at_once: int,
    accounting: bool = True,
    bundle: Path | None = None,
    binds: Iterable[Path] = (),
) -> SlurmTerms:
    """Return the terms that a profile (with the sweep's resources in it) stands for; see `python_command`.

    Raises UsageError for a set-up line that no shell can read, and where the profile's image is not to be found.
    """
    for text in (*profile.setup, *profile.modules, *profile.environment.values(), profile.python or ""):
        require_plain("profile", text)
    for number, line in enumerate(profile.setup, 1):
        _require_command(line, f"{profile.source}: setup #{number}")
    environment = dict(profile.environment)
    if profile.data:
        environment.setdefault("HPCSWEEP_DATA", profile.data)
    image = profile.container.found()["image"] if profile.container and profile.holds_workers else ""
    if image:
        environment[IMAGE] = image
    return SlurmTerms(
        request=request,
        continue_by=profile.continue_,
        signal_lead_s=float(profile.signal_lead_s),
        workers_per_gpu=profile.workers_per_gpu or 1,
        at_once=at_once,
        modules=tuple(profile.modules),
        setup=tuple(profile.setup),
        environment=environment,
        python=python_command(profile, bundle, image, binds),
        host_python=sys.executable,
        accounting=accounting,
        bundle=str(bundle or ""),
        contained=profile.holds_workers,
        profile=profile.name,
        source=profile.source,
    )


def _require_command(line: str, where: str) -> None:
    """Refuse a line that the node's shell could not read: an open quote would swallow what follows."""
    with contextlib.suppress(FileNotFoundError):  # no bash here
        tried = subprocess.run(["bash", "-n", "-c", line], capture_output=True, text=True, check=False)
        if tried.returncode:
            why = tried.stderr.strip().splitlines()[-1].rpartition("line ")[2].partition(": ")[2]
            raise UsageError(f"{where}: found {line!r}, expected a whole command of bash, which says: {why}")


def needs_bundle(profile: Profile) -> bool:
    """Whether workers have another Python than this one, so that they import hpcsweep from the worker bundle."""
    return bool(profile.holds_workers or profile.python)


def python_command(profile: Profile, bundle: Path | None, image: str, binds: Iterable[Path]) -> str:
    """Return the shell words that start Python on the node, in `image` if the profile's workers run in a container.

    Another Python than this one imports from `bundle` before all else; a PYTHONPATH that the node has comes after it.
    The folders `binds` are seen in the container, whatever the profile's own options are.
    """
    if not needs_bundle(profile):
        return shlex.quote(sys.executable)
    path = f'{shlex.quote(f"PYTHONPATH={bundle}")}"${{PYTHONPATH:+:$PYTHONPATH}}"' if bundle else ""
    python = f"/usr/bin/env {path} {profile.python or 'python3'}" if path else profile.python or "python3"
    if not profile.container or not profile.holds_workers:
        return python
    container = {**profile.container.model_dump(), "image": image}
    return f"{shlex.join(in_container(container, [], binds=_outermost(binds)))} {python}"


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """Return the folders that lie in no other one."""
    each = sorted(set(folders))
    return [one for one in each if not any(one.is_relative_to(other) for other in each if other != one)]
