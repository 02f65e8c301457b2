"""What came out of trying a sweep: whether a run survives being killed, what it costs, what would be recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from hpcsweep.errors import nearest
from hpcsweep.launch.html import page
from hpcsweep.launch.prediction import clock
from hpcsweep.metrics import SECONDS, STATISTICS, is_declared, metrics_among
from hpcsweep.store import Result
from hpcsweep.sweep.choices import EPOCHS
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run, short_id

TRAINED_BY = "engine"  # the fact that only `fit` records


@dataclass(frozen=True)
class Trial:
    """One run of `sweep` as it was tried: `run` with the parameters that it was given, `asked` if for two epochs.

    `result` is what it recorded undisturbed, None if it failed; `problem` says how it failed, then or when it went on.
    `kept_epoch` is the epoch of the checkpoint after which it was killed, None if there was none; `differences` are
    between `result` and what it recorded when it went on. `alike` names what makes no difference to the numbers: the
    seed, or a parameter. `failed` has the neighbouring points that fail, and why; `not_compared` says why nobody looked
    there. `around_s` are the seconds before and after the training; `peak_gb` is memory in 10^9 bytes; the sweep has
    `trainings` trajectories with `epochs` epochs in all.
    """

    sweep: Sweep
    run: Run
    asked: bool
    result: Result | None
    problem: str = ""
    kept_epoch: int | None = None
    differences: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    not_compared: str = ""
    around_s: float = 0.0
    peak_gb: float = 0.0
    workers: int = 1
    trainings: int = 1
    epochs: int = 0

    @property
    def ok(self) -> bool:
        """Whether the run ended, went on to the same numbers after it was killed, and no neighbouring point failed."""
        same = not self.differences or self._may_differ
        return self.result is not None and same and not self.problem and not self.failed

    @property
    def epoch_s(self) -> float | None:
        """Seconds per epoch, without the first one where there are several; None if no epochs were logged."""
        seconds = self._trained_seconds()
        return median(seconds[1:] or seconds) if seconds else None

    @property
    def keeps(self) -> bool | None:
        """Whether such runs keep checkpoints; None if the one that was tried ended with its first."""
        at_end = self.result is not None and self.kept_epoch == self.result.epoch
        return None if at_end or self.problem else self.kept_epoch is not None

    @property
    def sweep_s(self) -> float:
        """Seconds for the whole sweep with its workers, if all its runs are like this one."""
        assert self.result is not None
        run_s = float(self.result.facts["time_s"])
        if self.epoch_s is None or EPOCHS not in self.run.names:
            return self.around_s + run_s * len(self.sweep.runs) / self.workers
        before_s = max(run_s - sum(self._trained_seconds()), 0.0)
        return self.around_s + (self.trainings * before_s + self.epochs * self.epoch_s) / self.workers

    def in_words(self) -> list[str]:
        """Return the lines for people."""
        return list(self._lines())

    def to_json(self) -> dict[str, Any]:
        """Return what `try --json` prints."""
        result = self.result
        record: dict[str, Any] = {"sweep": self.sweep.name, "id": self.run.id, "seed": self.run.seed}
        record |= {"params": self.run.params, "ok": self.ok, "problem": self.problem, "kept_epoch": self.kept_epoch}
        record |= {"differences": self.differences, "alike": self.alike, "failed": dict(self.failed)}
        if result is not None:
            record |= {"history": list(result.history), "metrics": list(result.metrics), "epoch_s": self.epoch_s}
            record |= {"around_s": self.around_s, "peak_gb": self.peak_gb, "sweep_s": self.sweep_s}
            record |= {"workers": self.workers, "warnings": list(self._warnings(result))}
        return record

    def _repr_html_(self) -> str:
        first, *others = self.in_words()
        return page(first, "", others)

    def _lines(self) -> Iterator[str]:
        params = " ".join(f"{name}={value}" for name, value in self.run.params.items())
        yield f"run {short_id(self.run.id)}: seed={self.run.seed} {params}"
        if self.result is None:
            yield f"FAILED: {self.problem}"
            return
        yield from self._about(self.result)
        yield self._about_cut()
        yield from (f"FAILED: the point with {point}: {why}" for point, why in self.failed.items())
        yield from (f"WARNING: {warning}" for warning in self._warnings(self.result))
        if self.not_compared:
            yield f"not compared with other seeds and values: {self.not_compared}"

    def _about(self, result: Result) -> Iterator[str]:
        epochs = self._trained_seconds()
        first = f" (the first {epochs[0]:.3g} s)" if epochs and epochs[0] else ""
        per_epoch = "" if self.epoch_s is None else f", {self.epoch_s:.3g} s per epoch{first}"
        yield (
            f"trained in {result.facts['time_s']:.3g} s{per_epoch}; {self.around_s:.3g} s to start and end a worker; "
            f"at most {self.peak_gb:.2f} GB of memory"
        )
        yield self._estimate()
        yield f"history: {', '.join(result.history) if len(result.history['epoch']) else 'none, no epoch was logged'}"
        yield f"metrics of the result: {', '.join(result.metrics) or 'none'}"
        facts = result.facts
        if TRAINED_BY in facts:
            yield f"engine: {facts[TRAINED_BY]}; a run goes on after a stop: {self._guarantee}"
        yield f"files that are kept: {', '.join(facts.get('files', [])) or 'none'}"
        if left_out := facts.get("files_left_out"):
            yield f"files that are left out, by [keep]: {', '.join(left_out)}"
        made_by = [f"code {short_id(facts['code_sha256'])}"] if "code_sha256" in facts else []
        made_by += [f"data {name} {short_id(entry['sha256'])}" for name, entry in facts.get("data", {}).items()]
        yield f"made by: {', '.join(made_by) or 'nothing that is recorded'}"

    def _estimate(self) -> str:
        of = f", {self.epochs} epochs" if self.epoch_s is not None and EPOCHS in self.run.names else ""
        return (
            f"the whole sweep ({len(self.sweep.runs)} runs on {self.trainings} trajectories{of}) would take about "
            f"{clock(self.sweep_s)} with {self.workers} worker(s), if all were like this one"
        )

    def _about_cut(self) -> str:
        at = "" if self.kept_epoch is None else f"after its checkpoint at epoch {self.kept_epoch}"
        how = f"killed {at}, it went on from there" if at else "stopped before it made a checkpoint, it started anew"
        if self.problem:
            return f"FAILED: {how}, and then: {self.problem}"
        if self.differences:
            name = f'as "{self._guarantee}" allows' if self._may_differ else "DIFFERENT"
            return f"{name}: {how}, and came to other numbers: {', '.join(self.differences)}"
        at_end = self.result is not None and self.kept_epoch == self.result.epoch
        anew = " (it makes none before its end: a run that is killed starts anew)" if at_end or not at else ""
        return f"{how}: identical to the bit{anew}"

    @property
    def _guarantee(self) -> str:
        """What `fit` promises of a run that goes on after a stop."""
        return str(self.result.facts.get("resume", "")) if self.result else ""

    @property
    def _may_differ(self) -> bool:
        return self._guarantee.startswith(("to rounding", "statistically"))

    def _warnings(self, result: Result) -> Iterator[str]:
        known = {*metrics_among(result.history), *result.metrics}
        if not known:
            yield "no metric is recorded: the job neither logs nor returns one"
            return
        sweep = self.sweep
        bare = {name.removeprefix(f"{phase}_") for name in known for phase in sweep.job.phases} | known
        for name in sweep.directions:
            of_phase = any(name.startswith(f"{phase}_") for phase in sweep.job.phases)
            if not of_phase and not any(is_declared(metric, {name: None}) for metric in bare):
                yield f'[metrics] or [stop] names "{name}", which is not among the metrics{nearest(name, known)}'
        if sweep.stop is not None and TRAINED_BY not in result.facts:
            yield "[stop] is obeyed by hpcsweep.training.fit only, and this job does not train with it"
        shown = {*known, *result.history, *(f"{of}_{name}" for of in STATISTICS for name in known)}
        for name in sweep.table.value if sweep.table else []:
            if name not in shown and "(" not in name:
                yield f'[table] value names "{name}", which is not among the values{nearest(name, shown)}'
        if "model_not_kept" in result.facts:
            yield f"the model cannot be kept: {result.facts['model_not_kept']}"
        for name in self.alike:
            yield f"with another {name} all numbers of this run stay the same: does the job use it?"

    def _trained_seconds(self) -> list[float]:
        """Return the seconds of each epoch of training, without the fresh model's."""
        history = self.result.history if self.result else {}
        pairs = zip(history.get("epoch", ()), history.get(SECONDS, ()), strict=True)
        return [float(seconds) for epoch, seconds in pairs if epoch >= 1]
