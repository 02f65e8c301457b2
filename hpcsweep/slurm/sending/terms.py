"""On which terms workers go to SLURM: kept with the submission, so that a worker can ask for its own continuation."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from hpcsweep.slurm.asking.request import Request, require_plain
from hpcsweep.sweep.profile import Profile

MAX_FRUITLESS = 3  # attempts of one worker in a row that made no progress, after which it is not continued


@dataclass(frozen=True)
class SlurmTerms:
    """Everything that submitting workers depends on, besides the work itself."""

    request: Request
    continue_by: str = "requeue"
    signal_lead_s: float = 90.0
    workers_per_gpu: int | str = 1  # or AUTO
    at_once: int = 0
    modules: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    python: str = ""
    host_python: str = ""
    max_fruitless: int = MAX_FRUITLESS
    accounting: bool = True

    @property
    def margin_s(self) -> float:
        """Seconds before the end at which a worker begins to stop: less for short jobs, which it would eat up."""
        return min(self.signal_lead_s, max(15.0, 0.1 * self.request.time_s))

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return asdict(self)

    @staticmethod
    def from_json(terms: dict[str, Any]) -> SlurmTerms:
        """Undo `to_json`; what another version of hpcsweep wrote beside it is passed over."""
        known = {name: value for name, value in terms.items() if name in SlurmTerms.__dataclass_fields__}
        lists = {name: tuple(terms[name]) for name in ("modules", "setup")}
        return SlurmTerms(**{**known, **lists, "request": Request(**terms["request"])})


def make_terms(profile: Profile, request: Request, *, at_once: int, accounting: bool = True) -> SlurmTerms:
    """Return the terms that a profile (with the sweep's resources laid over it) stands for."""
    for text in (*profile.setup, *profile.modules, *profile.environment.values(), profile.python or ""):
        require_plain("profile", text)
    environment = dict(profile.environment)
    if profile.data:
        environment.setdefault("HPCSWEEP_DATA", profile.data)
    return SlurmTerms(
        request=request,
        continue_by=profile.continue_ or "requeue",
        signal_lead_s=float(profile.signal_lead_s),
        workers_per_gpu=profile.workers_per_gpu or 1,
        at_once=at_once,
        modules=tuple(profile.modules),
        setup=tuple(profile.setup),
        environment=environment,
        python=python_command(profile),
        host_python=sys.executable,
        accounting=accounting,
    )


def python_command(profile: Profile) -> str:
    """Return the shell words that start Python on the node, inside the profile's container if it has one."""
    if profile.container is None:
        return profile.python if profile.python else shlex.quote(sys.executable)
    container = profile.container
    words = [container.command, "exec", *container.options, container.image]
    return f"{shlex.join(words)} {profile.python or 'python3'}"
