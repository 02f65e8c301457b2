"""The training loop: epochs, or parts of long ones, in short calls, with checkpoints in between."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.metrics import SECONDS
from hpcsweep.training.loops.callbacks import Callbacks
from hpcsweep.training.loops.early_stopping import EarlyEnd, Stopping, stopping_of
from hpcsweep.training.loops.epoch_zero import evaluate_fresh
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.programs.partial_epoch import CALL_S, Parts, takes_parts
from hpcsweep.training.programs.protocol import Columns, DeviceData, Program
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.state.order import epoch_orders
from hpcsweep.training.state.unkept import Unkept
from hpcsweep.training.state.variables import State, checkpoint_of


@dataclass
class Loop:
    """One run on its way: a loaded program, the epoch reached, and what has happened so far.

    `parts` is the next epoch, where that has been begun, and `best` the weights of the best epoch, where they shall be
    restored or kept. Where not `keeps`, no checkpoints are made.
    """

    run: RunHandle
    program: Program
    setup: Setup
    shuffle: bool
    callbacks: Callbacks = field(default_factory=lambda: Callbacks(None))
    keeps: bool = True
    data: DeviceData = field(init=False)
    epoch: int = 0
    parts: Parts | None = None
    best: dict[str, Any] | None = None
    divergences: list[dict[str, Any]] = field(default_factory=list)
    stopping: Stopping = field(init=False)

    def __post_init__(self) -> None:
        """Start with the data on the device, and the sweep's stop rule."""
        self.data = self.program.put(self.setup.data)
        self.stopping = stopping_of(self.run)
        self._unkept = Unkept(self.program.model)
        self._one_by_one = bool(self.callbacks) or self.stopping.keeps_best

    def start(self, state: State) -> None:
        """Begin at epoch 0: the fresh model, evaluated on all the data."""
        self.stopping, self.epoch, self.parts, self.best = stopping_of(self.run), 0, None, None
        self.program.load(state)
        began, generators = time.perf_counter(), self.run.generators()
        columns = evaluate_fresh(self.setup, self.program, self.data, state)
        if columns:
            self.program.load(state)  # layers may draw, and metrics count, where they are only evaluated
            self.run.set_generators(generators)
            self.stopping.check_metric(list(columns))
            self._log(0, columns, time.perf_counter() - began)
            self._ended_within(columns, 0)
        self.callbacks.begin(kept=self.keeps)

    def resume(self, saved: dict[str, Any]) -> None:
        """Go on from a checkpoint; the run's history is already that of the checkpoint."""
        self.program.load(saved["variables"])
        self.epoch = int(saved["epoch"])
        self.best = saved.get("best")
        self.callbacks.go_on(saved.get("callbacks"))
        if "within" in saved:
            self.parts = self._begin_parts()
            self.parts.go_on(saved["within"])
        self.divergences = list(saved["divergences"])
        history = self.run.history
        for row, epoch in enumerate(history["epoch"]):
            self.stopping.ends(int(epoch), {name: column[row] for name, column in history.items() if name != "epoch"})
        if self.callbacks.stopped:
            self.stopping.end(EarlyEnd.CALLBACK, self.epoch)

    def train(self, epochs: int) -> bool:
        """Train up to `epochs` or to an early end; False if a request to stop came before, with a checkpoint made."""
        while self.epoch < epochs and self.stopping.why is None:
            if self.run.should_stop:
                self.checkpoint()
                return False
            if self.parts or takes_parts(self.program):
                self._advance_part()
            else:
                self._advance(min(epochs - self.epoch, self._call_epochs()))
            if self.run.checkpoint_due and self.epoch < epochs:
                self.checkpoint()
        return True

    def checkpoint(self) -> None:
        """Save the state, the epoch, the place in it, and what led here; JobError names what cannot be saved."""
        if not self.keeps:
            return
        self._unkept.require_none()
        engine, parts = self.program.engine, self.parts
        variables = self.program.read() if parts is None else self.program.read_within()
        within = None if parts is None else parts.place()
        whole = checkpoint_of(engine, self.epoch, variables, self.divergences, within)
        whole["began"] = self.setup.began
        if self.callbacks:
            whole["callbacks"] = self.callbacks.state()
        if self.best is not None:
            whole["best"] = self.best
        self.run.checkpoint(whole, epoch=None if parts is None else self.epoch + 1)

    def restore_best(self) -> None:
        """Load the weights of the best epoch, if the stop rule says so."""
        if self.best is not None and self.stopping.restores_best:
            self.program.load({**self.program.read(), **self.best["variables"]})

    def _advance_part(self) -> None:
        """Train the next part of an epoch."""
        if self.parts is None:
            self.callbacks.epoch_begins(self.epoch)
            self.parts = self._begin_parts()
        self.parts.advance()
        if self.parts.over:
            columns, elapsed_s = self.parts.columns, self.parts.elapsed_s
            self.program.epoch_s, self.parts = elapsed_s, None
            self._end_epoch(columns, elapsed_s)

    def _end_epoch(self, columns: Columns, elapsed_s: float) -> None:
        """Take in the one epoch that was trained."""
        added = self.callbacks.epoch_ends(self.epoch, {name: column[0] for name, column in columns.items()})
        columns = {**columns, **{name: [value] for name, value in added.items()}}
        self._ended_within(columns, self.epoch + 1)
        self._log(self.epoch + 1, columns, elapsed_s)
        self.epoch += 1
        if self.stopping.keeps_best and self.stopping.best_epoch == self.epoch:
            weights = {name: array for name, array in self.program.read().items() if name.startswith("model/")}
            self.best = {"epoch": self.epoch, "variables": weights}
        if self.callbacks.stopped:
            self.stopping.end(EarlyEnd.CALLBACK, self.epoch)

    def _begin_parts(self) -> Parts:
        if not self.program.divisible:
            raise StoreError(
                f"this run's checkpoint lies inside an epoch, where the engine {self.program.engine} cannot go on; "
                "expected the engine that made it, without callbacks"
            )
        orders = epoch_orders(self.run.seed, self.epoch + 1, 1, self.setup.data.examples, shuffle=self.shuffle)
        return Parts(self.program, self.data, orders[0])

    def _advance(self, count: int) -> None:
        """Train `count` epochs, or as many of them as there are until training ends."""
        if count == 1:
            self.callbacks.epoch_begins(self.epoch)
        before = self.program.read() if count > 1 else None
        began = time.perf_counter()
        orders = epoch_orders(self.run.seed, self.epoch + 1, count, self.setup.data.examples, shuffle=self.shuffle)
        columns = self.program.advance(self.data, orders)
        elapsed_s = time.perf_counter() - began
        self.program.epoch_s = elapsed_s / count
        if count == 1:
            self._end_epoch(columns, elapsed_s)
            return
        kept = self._ended_within(columns, self.epoch + 1)
        if kept < count and before is not None:  # the end lay inside the call: do again what belongs to the run
            self.program.load(before)
            columns = self.program.advance(self.data, orders[:kept])
        self._log(self.epoch + 1, columns, elapsed_s / count)
        self.epoch += kept

    def _ended_within(self, columns: Columns, first_epoch: int) -> int:
        """Return how many of the epochs belong to the run: all, or those up to the one that ends it."""
        count = len(next(iter(columns.values())))
        for index in range(count):
            if self.stopping.ends(first_epoch + index, {name: column[index] for name, column in columns.items()}):
                return index + 1
        return count

    def _log(self, first_epoch: int, columns: Columns, epoch_s: float) -> None:
        count = len(next(iter(columns.values())))
        seconds = {SECONDS: [epoch_s] * count}
        self.run.log_many(range(first_epoch, first_epoch + count), {**columns, **seconds})

    def _call_epochs(self) -> int:
        if self._one_by_one or self.run.checkpoint_due or self.program.epoch_s is None:
            return 1
        return max(1, min(self.program.longest_call_epochs, int(CALL_S / self.program.epoch_s)))
