"""What a submission asks SLURM for, per worker, and on which terms: plain values, kept with the submission.

A worker on a node reads them to ask for its own continuation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hpcsweep.errors import UsageError
from hpcsweep.store.task_files import Sender
from hpcsweep.sweep.choices import ContinueBy

DEFAULT_CPUS = 1
MB_A_GB = 1000**3 / 1024**2
MAX_FRUITLESS = 3  # attempts of one worker in a row without progress, after which it is not continued


@dataclass(frozen=True)
class Request:
    """What each worker of an array asks of SLURM."""

    time_s: float
    partition: str | None = None
    cpus: int = DEFAULT_CPUS
    mem_gb: float | None = None
    gpus: int = 0
    gpu_type: str | None = None
    gres: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    exclude: str | None = None
    mail_user: str | None = None
    mail_type: str | None = None

    @property
    def minutes(self) -> int:
        """The wall time in SLURM's unit, rounded up."""
        return max(1, -int(-self.time_s // 60))

    @property
    def mem_mb(self) -> int | None:
        """Memory in SLURM's megabytes (2^20 bytes)."""
        return None if self.mem_gb is None else max(1, round(self.mem_gb * MB_A_GB))

    def sbatch_parameters(self) -> dict[str, Any]:
        """Return the request as submitit's parameters; every text in it is free of line ends."""
        parameters: dict[str, Any] = {
            "time": self.minutes,
            "partition": self.partition,
            "cpus_per_task": self.cpus,
            "mem": None if self.mem_mb is None else f"{self.mem_mb}M",
            "gres": self.gres_text(),
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "exclude": self.exclude,
            "mail_user": self.mail_user,
            "mail_type": self.mail_type,
        }
        given = {name: value for name, value in parameters.items() if value is not None}
        for name, value in given.items():
            require_plain(name, value)
        return given

    def sbatch_options(self) -> list[str]:
        """Return the request as options for `sbatch --test-only`."""
        names = {"mem": "--mem", "time": "--time"}
        return [
            f"{names.get(name, '--' + name.replace('_', '-'))}={value}"
            for name, value in self.sbatch_parameters().items()
        ]

    def gres_text(self) -> str | None:
        """Return the request for GPUs as `gpu:t4:2`; None if there is none."""
        if self.gres:
            return self.gres
        if not self.gpus:
            return None
        return f"gpu:{self.gpu_type}:{self.gpus}" if self.gpu_type else f"gpu:{self.gpus}"

    @property
    def gpu_count(self) -> int:
        """How many GPUs are asked for."""
        number = (self.gres or "").rpartition(":")[2]
        return self.gpus or (int(number) if number.isdecimal() else 0)


@dataclass(frozen=True)
class SlurmTerms:
    """Everything on which submitting workers depends, besides the work itself."""

    request: Request
    continue_by: str = ContinueBy.REQUEUE
    signal_lead_s: float = 90.0
    workers_per_gpu: int | str = 1  # or sweep.choices.AUTO
    at_once: int = 0  # workers of the sweep that may run at the same time; 0: as many as there are
    modules: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    python: str = ""
    host_python: str = ""
    max_fruitless: int = MAX_FRUITLESS
    accounting: bool = True
    bundle: str = ""  # the worker bundle, if workers have another Python than `host_python`
    contained: bool = False  # whether `python` starts it in a container
    profile: str = ""  # its name; empty in what earlier releases wrote
    source: str = ""  # its file, as errors name it
    training: str = ""  # the sweep's [training], as text
    report: str = ""  # the command by which the host writes the report when a worker has ended, if that is wished

    @property
    def margin_s(self) -> float:
        """Seconds before the end at which a worker begins to stop: fewer for short jobs, or little would be left."""
        return min(self.signal_lead_s, max(15.0, 0.1 * self.request.time_s))

    def alike(self, other: SlurmTerms) -> bool:
        """Whether a worker on these terms may do what was asked for on others: nothing that a run could notice differs.

        How long it has, who pays and how it goes on may.
        """
        return self._noticed() == other._noticed()

    def _noticed(self) -> list[Any]:
        request = replace(self.request, time_s=0, account=None, qos=None, exclude=None, mail_user=None, mail_type=None)
        names = ("workers_per_gpu", "modules", "setup", "environment", "python", "bundle", "contained", "training")
        return [request, *(getattr(self, name) for name in names)]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return asdict(self)

    @staticmethod
    def from_json(terms: dict[str, Any]) -> SlurmTerms:
        """Undo `to_json`; what only another version of hpcsweep knows is ignored."""
        known = {name: value for name, value in terms.items() if name in SlurmTerms.__dataclass_fields__}
        lists = {name: tuple(terms[name]) for name in ("modules", "setup")}
        return SlurmTerms(**{**known, **lists, "request": Request(**terms["request"])})


@dataclass(frozen=True)
class WorkerArray:
    """Which of a sweep's workers one array holds: `size` from `first` on, of `team` in all, `at_once` at a time."""

    size: int
    first: int = 0
    team: int = 0
    why: str = Sender.SUBMIT
    after: str | None = None
    fruitless: int = 0
    at_once: int = 0


def require_plain(name: str, value: object) -> None:
    """Refuse text that could end a line of the batch script: control characters and line separators."""
    if isinstance(value, str) and not value.isprintable():
        raise UsageError(f"{name}: found {value!r}, expected text on one line, without control characters")
