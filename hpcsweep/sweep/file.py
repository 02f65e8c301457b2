"""The shape of a sweep file: its sections and keys, before anything is known about the job."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from hpcsweep.metrics import Direction, better, contradictions, declaration, direction_of_ids
from hpcsweep.sweep.choices import Engine, Isolation, StackOrder
from hpcsweep.sweep.points import Lists, Point, Random, flat
from hpcsweep.sweep.settings import AtLeastOne, Name, NotNegative, Resources, Section, one_of, wrong

LARGEST_SEED = 2**32 - 1  # what NumPy and Keras take

FOR_FUNCTIONS = {"training", "stop", "on_divergence"}  # sections that jobs written for hpcsweep obey

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class Training(Section):
    """How Keras jobs are trained; other jobs ignore it."""

    engine: Annotated[Engine, Field(strict=False), one_of(Engine)] = Field(
        default=Engine.AUTO,
        description="How epochs are trained; auto chooses once per architecture and kind of device.",
    )
    backend: Literal["tensorflow", "jax"] | None = Field(
        default=None,
        description="What Keras runs on. By default KERAS_BACKEND decides, and without that, it is TensorFlow.",
    )
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] | None = Field(
        default=None, description="What Keras computes in, a part of a run's meaning; by default the job decides."
    )
    stack_order: Annotated[StackOrder, Field(strict=False), one_of(StackOrder)] = Field(
        default=StackOrder.OWN,
        description="Whether each stacked run has its own order of data, or all share one.",
    )
    stack_size: AtLeastOne = Field(
        default=16, description="The most runs to train in one stack; on two cores, more gain little."
    )
    faster: bool = Field(
        default=True, description="Whether XLA on a CPU is given ways to compute the same numbers, to the bit, sooner."
    )
    isolation: Annotated[Isolation, Field(strict=False), one_of(Isolation)] = Field(
        default=Isolation.WORKER, description="Whether a worker trains in its own process or starts one per trajectory."
    )
    renew_gb: float | None = Field(
        default=None,
        gt=0,
        description="A worker that has grown by this many GB continues in a new process; by default 4, or less.",
    )


def _kept_model(value: object) -> object:
    return {True: "final", False: "none"}.get(value, value) if isinstance(value, bool) else value


class Keep(Section):
    """What is kept of a run once it is done: files that its job writes, its Keras model, and its checkpoints."""

    mb: float = Field(default=100.0, ge=0, allow_inf_nan=False, description="The most MB (10^6 bytes) per run.")
    files: NotNegative = Field(default=100, description="The most files per run.")
    model: Annotated[Literal["final", "best", "both", "none"] | None, BeforeValidator(_kept_model)] = Field(
        default=None,
        description="The weights with which fit keeps the Keras model; by default the final ones, of small models.",
    )
    by: str | None = Field(
        default=None, min_length=1, description="The metric that says which weights are the best; by default [stop]'s."
    )
    checkpoints: Literal["last", "none"] = Field(
        default="last",
        description="Whether the last checkpoint stays when a trajectory is done, for longer runs to go on from.",
    )

    @property
    def wants_best(self) -> bool:
        """Whether the best weights are to be kept."""
        return self.model in ("best", "both")


class Stop(Section):
    """When a run stops before its last epoch: as soon as the metric has not improved for `patience` epochs."""

    metric: str = Field(description="The metric that is watched, such as val_loss.", min_length=1)
    patience: AtLeastOne = Field(description="Epochs without improvement.")
    min_delta: float = Field(default=0.0, description="The least change that counts as an improvement.", ge=0)
    mode: Direction | None = Field(
        default=None,
        description="Whether less or more is better; by default [metrics] or the metric's name decides.",
    )
    restore_best: bool = Field(
        default=False, description="Whether a run ends with the weights of its best epoch, not of its last."
    )


class OnDivergence(Section):
    """What is tried when a run's loss becomes NaN or infinite: start again with half of a parameter."""

    halve: str = Field(description="The parameter that is halved, a float such as learning_rate.")
    times: AtLeastOne = Field(default=5, description="How often, at most.")


class Code(Section):
    """What belongs to the job's code besides the modules of the study that it imports."""

    include: list[str] = Field(
        default=[], description='More files of the study, such as ["configs/*.json"]; patterns from its folder.'
    )


class CommandOptions(Section):
    """Where a command's metrics come from, besides the file $HPCSWEEP_METRICS, and how it is stopped."""

    csv: str | None = Field(
        default=None, description="A CSV file that it writes, from the run's folder, such as CSVLogger's of Keras."
    )
    tensorboard: str | None = Field(
        default=None, description="The folder of its TensorBoard event files, from the run's folder."
    )
    patterns: list[str] = Field(
        default=[], description="Regular expressions on lines of its output, whose named groups are metrics or epoch."
    )
    first_epoch: Literal[0, 1] | None = Field(
        default=None,
        description="The number that it gives to its first epoch of training; by default 0 if it reports an epoch 0.",
    )
    stop_signal: Literal["SIGTERM", "SIGINT", "SIGUSR1", "SIGHUP"] = Field(
        default="SIGTERM", description="What tells it to stop in time."
    )
    grace_s: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="Seconds that it is given after the signal; by default 60."
    )
    shares_epochs: bool = Field(
        default=False,
        description="Whether a run of fewer `epochs` is the start of a longer one, which goes on from it.",
    )

    @field_validator("csv", "tensorboard")
    @classmethod
    def _in_the_folder(cls, path: str | None) -> str | None:
        if path is not None and (not path or Path(path).is_absolute() or ".." in Path(path).parts):
            raise wrong("a path from the run's folder, without ..")
        return path

    @field_validator("patterns")
    @classmethod
    def _name_metrics(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            try:
                named = re.compile(pattern).groupindex
            except re.error as error:
                raise wrong(f"a regular expression ({error})", found=f'"{pattern}"') from None
            if not named:
                raise wrong(r"a named group per metric, such as loss=(?P<loss>[\d.]+)", found=f'"{pattern}"')
        return patterns


class Table(Section):
    """The comparison table that is shown when the sweep is done."""

    rows: list[str] = Field(default=[], description="Parameters whose values head the rows.")
    cols: list[str] = Field(default=[], description="Parameters whose values head the columns.")
    value: list[str] = Field(default=[], description='Summary metrics in the cells, such as ["max_val_accuracy"].')


class SweepFile(Section):
    """A sweep: a question, its parameter space, its job, its resources."""

    name: Name = Field(description="The sweep's name.")
    job: str | None = Field(
        default=None,
        description='The job: "path.py:function" or "package.module:function", from the folder of sweeps/ and jobs/.',
    )
    command: str | list[str] | None = Field(
        default=None,
        description='In place of a job, a program and its arguments: ["python", "train.py", "--lr={lr}"].',
    )
    shell: bool = Field(default=False, description="Whether the command is one line of text, for a shell.")
    description: str = Field(default="", description="A sentence for people.")
    profile: str = Field(
        default="local", description="A file in jobs/profiles/ (without .toml), or a built-in profile."
    )
    repeats: AtLeastOne | None = Field(default=None, description="How many seeds: 0, 1, ...; by default 1.")
    seeds: Annotated[list[Seed], Field(min_length=1)] | None = Field(default=None, description="The seeds themselves.")
    fixed: dict[str, Any] = Field(default={}, description="Parameters that are the same in every run.")
    grid: Lists = Field(default={}, description="Every combination of the listed values.")
    zip: Lists = Field(default={}, description="Lists of one length, walked in step, crossed with the grid.")
    vary: Lists = Field(default={}, description="One factor at a time around a base of the first values.")
    case: list[Point] = Field(default=[], description="Single extra points; each starts from the base.")
    exclude: list[Point] = Field(default=[], description="Drop the runs that match all keys of one of these tables.")
    random: Random | None = Field(default=None, description="Randomly drawn points, crossed with grid and zip.")
    resources: Resources = Field(
        default=Resources(), description="What each worker is given, in place of the profile's settings."
    )
    training: Training = Field(default=Training(), description="How Keras jobs are trained.")
    workdir: Literal["run", "study"] = Field(
        default="run", description="The working folder of the job: one of its own for each run, or the study's."
    )
    keep: Keep = Field(default=Keep(), description="What is kept of the files that a run's job writes.")
    stop: Stop | None = Field(default=None, description="Early stopping.")
    on_divergence: OnDivergence | None = Field(default=None, description="What to try when a run diverges.")
    metrics: Annotated[dict[str, Direction], BeforeValidator(flat)] = Field(
        default={}, description='Which way a metric is better, "max" or "min", where its name does not say.'
    )
    command_options: CommandOptions | None = Field(
        default=None, description="Where a command's metrics come from, and how it is stopped."
    )
    code: Code = Field(default=Code(), description="What belongs to the job's code besides what it imports.")
    table: Table | None = Field(default=None, description="The layout of the comparison table.")

    @field_validator("command", mode="before")
    @classmethod
    def _is_text(cls, command: object) -> object:
        if isinstance(command, list) and not all(isinstance(word, str) for word in command):
            raise wrong("a list of strings, each a word of the command")
        return command

    @model_validator(mode="after")
    def _one_job(self) -> SweepFile:
        if self.job is not None and self.command is not None:
            raise wrong("one of the two", key="job", found="a command as well")
        if self.job is None and self.command is None:
            raise wrong('job = "path.py:function", or command = ["program", "argument"]', key="job", found="nothing")
        if self.command is None and (self.shell or self.command_options):
            raise wrong("it with a command", key="shell" if self.shell else "command_options", found="it with a job")
        if self.command is not None:
            if self.keep.model is not None:
                raise wrong("none: what the program keeps is its own", key="keep.model", found="it with a command")
            for name in FOR_FUNCTIONS & self.model_fields_set:
                raise wrong("none: the program does its own training", key=name, found="it with a command")
        return self

    @model_validator(mode="after")
    def _one_kind_of_seeds(self) -> SweepFile:
        if self.repeats is not None and self.seeds is not None:
            raise wrong("one of the two", key="repeats", found="seeds as well")
        return self

    @model_validator(mode="after")
    def _directions_are_known(self) -> SweepFile:
        for name in contradictions(self.metrics):
            expected = "the direction of the same metric without val_"
            raise wrong(expected, key=f"metrics.{name}", found=f'"{self.metrics[name]}"')
        if self.stop is not None:
            said = better(self.stop.metric, self.metrics)
            if self.stop.mode is None and said is None:
                expected = f"a metric whose better direction is known; type {declaration(self.stop.metric)}"
                raise wrong(expected, key="stop.metric", found=f'"{self.stop.metric}"')
            if self.stop.mode is not None and better(self.stop.metric, self.directions) != self.stop.mode:
                raise wrong("the direction that [metrics] says", key="stop.mode", found=f'"{self.stop.mode}"')
        return self

    @model_validator(mode="after")
    def _best_is_known(self) -> SweepFile:
        by, stop = self.keep.by, self.stop
        if by is not None and not self.keep.wants_best:
            raise wrong('it beside model = "best" or "both"', key="keep.by", found=f'"{by}"')
        if by is not None and stop is not None and by != stop.metric:
            raise wrong(f'"{stop.metric}", which [stop] watches', key="keep.by", found=f'"{by}"')
        if self.keep.wants_best and by is None and stop is None:
            expected = 'by = "val_loss", or another metric, beside it'
            raise wrong(expected, key="keep.model", found=f'"{self.keep.model}" without a metric')
        if by is not None and stop is None and better(by, self.metrics) is None:
            expected = f"a metric whose better direction is known; type {declaration(by)}"
            raise wrong(expected, key="keep.by", found=f'"{by}"')
        return self

    @property
    def directions(self) -> dict[str, Direction]:
        """Which way metrics are better, as far as the file says so."""
        said = {self.stop.metric: self.stop.mode} if self.stop and self.stop.mode else {}
        return {**said, **self.metrics}

    @property
    def directed_stop(self) -> Stop | None:
        """The section [stop] with its `mode`."""
        if self.stop is None or self.stop.mode is not None:
            return self.stop
        return self.stop.model_copy(update={"mode": better(self.stop.metric, self.metrics)})

    @property
    def rules(self) -> dict[str, Any]:
        """What changes the numbers of a run besides its job, parameters and seed, and so belongs to its meaning.

        The direction of [stop] is a part of it where [stop] says it, and where it is not what older ids mean.
        """
        stop = self.stop
        if stop is not None and better(stop.metric, self.metrics) != direction_of_ids(stop.metric):
            stop = self.directed_stop
        named = {"stop": stop, "on_divergence": self.on_divergence}
        rules = {name: rule.model_dump(exclude_defaults=True) for name, rule in named.items() if rule is not None}
        precision = self.training.precision
        return rules if precision is None else {**rules, "precision": precision}

    @property
    def all_seeds(self) -> range | list[int]:
        """The seeds of every point."""
        return self.seeds if self.seeds is not None else range(self.repeats or 1)
