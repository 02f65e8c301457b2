"""Profiles: what a cluster (or this machine) is like, in jobs/profiles/<name>.toml of the study, or built in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from hpcsweep.errors import SweepFileError, UsageError, nearest
from hpcsweep.sweep.choices import ContinueBy
from hpcsweep.sweep.containers import newest_image
from hpcsweep.sweep.settings import (
    NAME,
    NAME_WORDS,
    AtLeastOne,
    Continue,
    Line,
    Name,
    NotNegative,
    Positive,
    Resources,
    Section,
    Word,
    wrong,
)
from hpcsweep.sweep.toml_problems import read_toml, validate
from hpcsweep.sweep.value_types import listed

PROFILES = Path("jobs", "profiles")

EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Container(Section):
    """The container that workers run in."""

    command: Word = Field(
        default="singularity", description="The program that starts it: singularity, apptainer, ch-run or podman."
    )
    image: Line = Field(
        description="The image's file, as the compute nodes see it; or a pattern, of which the newest file is taken."
    )
    wraps: Literal["worker", "command"] = Field(
        default="worker", description="What runs in it: the workers, or only each command of a command job."
    )
    options: list[Line] = Field(
        default=[], description='Options before the image, such as ["--nv", "-B", "/data:/data"].'
    )

    def found(self) -> dict[str, Any]:
        """Return the section as it is now: of a pattern, the newest image; UsageError if there is none."""
        return {**self.model_dump(), "image": newest_image(self.image)}


class Profile(Resources):
    """Settings of one cluster, or of this machine. Resources are those of one worker's allocation (array task)."""

    name: Name = Field(
        default="", description="The profile's name; by default its file's name.", validate_default=False
    )
    description: str = Field(default="", description="A sentence for people.")
    scheduler: Literal["local", "slurm"] = Field(default="local", description="Who starts the workers.")
    account: Word | None = Field(default=None, description="SLURM account.")
    qos: Word | None = Field(default=None, description="SLURM quality of service.")
    constraint: Line | None = Field(default=None, description="SLURM node features, such as v100|h100.")
    exclude: Word | None = Field(default=None, description="Nodes not to use, such as node[3-5].")
    gres: Word | None = Field(default=None, description="GPU request where --gpus is not understood, such as gpu:t4:1.")
    gpu_type: Word | None = Field(default=None, description="Type of GPU, such as t4 or v100.")
    gpus: NotNegative = Field(default=0, description="GPUs of a worker's allocation.")
    max_workers: AtLeastOne | None = Field(
        default=None, description="The most workers that run at once: the cluster's limit of running jobs per user."
    )
    setup: list[Line] = Field(
        default=[], description="Whole commands of bash to run before the worker; one that fails ends the task."
    )
    modules: list[Word] = Field(default=[], description="Environment modules to load before the setup lines.")
    environment: dict[EnvironmentName, Line] = Field(default={}, description="Environment variables of the workers.")
    container: Container | None = Field(default=None, description="The container that workers run in.")
    python: Line | None = Field(
        default=None, description="The Python of the workers; by default the one that runs this command."
    )
    continue_: Continue = Field(
        default=ContinueBy.REQUEUE, alias="continue", description=Resources.model_fields["continue_"].description
    )
    signal_lead_s: NotNegative = Field(
        default=90, description="Seconds before the end of the wall time at which workers stop."
    )
    lease_s: Positive = Field(
        default=300.0, description="Seconds without a heartbeat after which a claim is taken over."
    )
    heartbeat_s: Positive = Field(default=30.0, description="Seconds between the heartbeats of a claim.")
    mail_user: Word | None = Field(
        default=None,
        description="Whom SLURM sends one mail, when the workers have ended and the sweep is done or stuck.",
    )
    mail_type: Word | None = Field(
        default=None,
        description="Mails about the array of workers instead, when something happens to it: such as END,FAIL.",
    )
    report: bool = Field(
        default=False,
        description="Whether each worker that ends writes the sweep's report anew: NAME-report.html in the study.",
    )
    data: Line | None = Field(default=None, description="Folder of the data sets, as the compute nodes see it.")
    store: Line | None = Field(default=None, description="Folder of the store; by default results/ in the study.")

    _source: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _reaches_workers(self) -> Profile:
        local = self.scheduler == "local"
        if local and self.holds_workers:
            raise wrong(
                'scheduler = "slurm", or wraps = "command" in it: workers here have the Python of this command',
                key="container",
                found="it with the scheduler local",
            )
        if local and self.python:
            raise wrong(
                'scheduler = "slurm": workers here have the Python of this command',
                key="python",
                found="it with the scheduler local",
            )
        return self

    @property
    def source(self) -> str:
        """Where the profile stands, as errors name it: its file, or its name if it is built in."""
        return self._source or f'profile "{self.name}"'

    @property
    def holds_workers(self) -> bool:
        """Whether workers run in the container."""
        return self.container is not None and self.container.wraps == "worker"

    def with_resources(self, resources: Resources) -> Profile:
        """Return this profile with its settings replaced by those that a sweep file's [resources] gives."""
        return self.model_copy(update=resources.given())


BUILT_IN = {
    "local": Profile(name="local", description="Workers on this machine."),
    "slurm": Profile(name="slurm", description="Any SLURM cluster, with its defaults.", scheduler="slurm"),
}


def load_profile(root: Path, name: str) -> Profile:
    """Return the profile `name`: jobs/profiles/<name>.toml under the study's folder `root`, or a built-in one.

    Raises SweepFileError, one line, if there is no profile of that name or its file is wrong.
    """
    file = root / PROFILES / f"{name}.toml"
    if _is_name(name) and file.is_file():
        shown = (PROFILES / file.name).as_posix()
        profile = validate(Profile, read_toml(file, shown), shown)
        profile._source = shown
        return profile if profile.name else profile.model_copy(update={"name": name})
    if name in BUILT_IN:
        return BUILT_IN[name]
    known = profile_names(root)
    raise SweepFileError(
        f'found "{name}", expected a profile of {PROFILES.as_posix()}/ or a built-in one: {listed(known)}'
        + nearest(name, known)
    )


def profile_path(root: Path, name: str) -> Path:
    """Return the file of a profile of the study in `root`, which need not exist; UsageError for what is no name."""
    if not NAME.fullmatch(name):
        raise UsageError(f'profile: found "{name}", expected {NAME_WORDS}')
    return root / PROFILES / f"{name}.toml"


def profile_names(root: Path) -> list[str]:
    """Return the names of all profiles that `load_profile` finds, sorted."""
    return sorted({*BUILT_IN, *(file.stem for file in (root / PROFILES).glob("*.toml"))})


def _is_name(name: str) -> bool:
    return not {"/", "\\", "\0"} & set(name)
