"""The shape of a sweep file: its sections and keys, before anything is known about the job."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from hpcsweep.metrics import Direction, better, contradictions, declaration, direction_of_ids
from hpcsweep.sweep.expected import Expected
from hpcsweep.sweep.points import Lists, Point, Random, Suggest, flat
from hpcsweep.sweep.sections import Code, CommandOptions, Halving, Keep, OnDivergence, Stop, Table, Training
from hpcsweep.sweep.settings import AtLeastOne, Name, Resources, Section, wrong

LARGEST_SEED = 2**32 - 1  # what NumPy and Keras take

FOR_FUNCTIONS = {"training", "stop", "on_divergence"}  # sections that jobs written for hpcsweep obey

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


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
    across: Lists = Field(
        default={}, description="Lists crossed with everything: the grid, each change of vary and each case."
    )
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
    halving: Halving | None = Field(
        default=None, description="Successive halving: which settings go on to more epochs, in place of all."
    )
    suggest: Suggest | None = Field(
        default=None, description="Points that a library suggests from the results so far, crossed with all others."
    )
    metrics: Annotated[dict[str, Direction], BeforeValidator(flat)] = Field(
        default={}, description='Which way a metric is better, "max" or "min", where its name does not say.'
    )
    command_options: CommandOptions | None = Field(
        default=None, description="Where a command's metrics come from, and how it is stopped."
    )
    code: Code = Field(default=Code(), description="What belongs to the job's code besides what it imports.")
    table: Table | None = Field(default=None, description="The layout of the comparison table.")
    expected: list[Expected] = Field(
        default=[], description="Numbers and orders that should come out, such as a published table's."
    )

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
    def _rank_is_known(self) -> SweepFile:
        for name, section in (("halving", self.halving), ("suggest", self.suggest)):
            if section is not None and better(section.metric, self.directions) is None:
                expected = f"a metric whose better direction is known; type {declaration(section.metric)}"
                raise wrong(expected, key=f"{name}.metric", found=f'"{section.metric}"')
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
