"""The sections of a sweep file beside its points: how runs are trained, stopped, kept and shown."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from hpcsweep.metrics import Direction
from hpcsweep.sweep.choices import Engine, Isolation, StackOrder
from hpcsweep.sweep.settings import AtLeastOne, NotNegative, Section, one_of, wrong


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


class Halving(Section):
    """Successive halving: every setting is trained up to a rung, and only the best of them go on to the next."""

    metric: str = Field(description="The metric by which settings are ranked, such as val_accuracy.", min_length=1)
    epochs: Annotated[list[AtLeastOne], Field(min_length=2)] = Field(
        description="The rungs: the epochs after which it is decided who goes on, and the last epoch."
    )
    keep: float | None = Field(
        default=None, gt=0, lt=1, description="The part of a rung's settings that goes on, rounded down; or `top`."
    )
    top: AtLeastOne | Annotated[list[AtLeastOne], Field(min_length=1)] | None = Field(
        default=None, description="How many settings go on, at each rung but the last, or one number for each of them."
    )
    at_least: AtLeastOne = Field(default=1, description="The fewest settings that go on.")
    by: Literal["mean", "median"] = Field(default="mean", description="What ranks a setting, over its seeds.")
    order: Literal["rounds", "as ready"] = Field(
        default="rounds",
        description="Whether a rung is decided when all its runs have ended, or setting by setting as they end.",
    )
    audit: NotNegative = Field(
        default=0, description="How many stopped settings are trained to the end all the same, to see what was missed."
    )

    @model_validator(mode="after")
    def _rungs_rise(self) -> Halving:
        if any(one >= other for one, other in pairwise(self.epochs)):
            raise wrong("epochs that rise, such as [3, 9, 27]", key="halving.epochs", found=str(self.epochs))
        if (self.keep is None) == (self.top is None):
            raise wrong("one of keep and top", key="halving.keep", found="neither" if self.keep is None else "both")
        if isinstance(self.top, list) and len(self.top) != len(self.epochs) - 1:
            expected = f"a number for each of the {len(self.epochs) - 1} rungs before the last"
            raise wrong(expected, key="halving.top", found=str(self.top))
        if self.order == "as ready" and self.keep is None:
            expected = 'keep in its place beside order = "as ready", since it is not known how many will come'
            raise wrong(expected, key="halving.top", found=str(self.top))
        return self


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
