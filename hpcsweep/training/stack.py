"""Training a stack: the loop over epochs for several runs at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hpcsweep.training.backend import backend
from hpcsweep.training.divergence import allowed_times
from hpcsweep.training.handle import RunHandle
from hpcsweep.training.order import epoch_orders
from hpcsweep.training.parts import CALL_S
from hpcsweep.training.program import DeviceData, MemberColumns, StackedProgram
from hpcsweep.training.programs import Setup
from hpcsweep.training.state import State, checkpoint_of
from hpcsweep.training.stopping import Stopping

MOST_STACKS = 8
_kept: dict[Any, StackedProgram] = {}
_SHARED_SEED = 0  # of the one order that all follow, whoever they are


@dataclass
class Member:
    """One run in a stack."""

    run: RunHandle
    setup: Setup
    initial: State
    saved: dict[str, Any] | None
    epochs: int
    shuffle: bool
    shared_order: bool
    alone_because: str = ""
    stopping: Stopping = field(init=False)
    final: State | None = None
    paused: bool = False
    diverged_at: int | None = None

    def __post_init__(self) -> None:
        """Start with the sweep's rules."""
        self.stopping = Stopping(self.run.stop_rule)
        self._may_begin_again = allowed_times(self.run) > 0

    @property
    def epoch(self) -> int:
        """The epoch to start from."""
        return 0 if self.saved is None else int(self.saved["epoch"])

    def leaves(self, epoch: int) -> bool:
        """Whether the member leaves the stack at its end, `epoch`, to begin again alone; noted in `diverged_at`."""
        if self.stopping.diverged and self._may_begin_again:
            self.diverged_at = epoch
            self.alone_because = f"left its stack, where it diverged at epoch {epoch}, to begin again"
        return self.diverged_at is not None

    @property
    def kind(self) -> Any:
        """What members of one stack have in common."""
        alone = id(self) if self.setup.key is None else None
        return self.setup.key, alone, id(self.setup.data), self.epochs, self.epoch, self.shuffle, self.shared_order


class StackLoop:
    """The members of one stack, trained epoch by epoch until each has come to its end."""

    def __init__(self, members: list[Member]) -> None:
        """Make the program; raises NotStackableError if these nets cannot be stacked."""
        first = members[0]
        data = first.setup.data
        self.members, self.active = members, list(range(len(members)))
        self.epoch, self.examples = first.epoch, len(data.x)
        self.program = _program(first, len(members))
        self.data: DeviceData = self.program.put(data)
        self.program.load([m.initial if m.saved is None else m.saved["variables"] for m in members])
        self.program.compile(self.data)

    def start(self) -> None:
        """Evaluate the fresh models, or take in what the histories tell."""
        if self.members[0].saved is None:
            began = time.perf_counter()
            columns = self.program.evaluate(self.data)
            self._log(0, columns, (time.perf_counter() - began) / len(self.members))
            self._take_in(columns, 0)
        else:
            for index, member in enumerate(self.members):
                history = member.run.history
                for row, epoch in enumerate(history["epoch"]):
                    metrics = {name: column[row] for name, column in history.items() if name != "epoch"}
                    if member.stopping.ends(int(epoch), metrics):
                        self._end(index)
                        break

    def train(self) -> None:
        """Train to the end, or to a request to stop."""
        total = self.members[0].epochs
        while self.epoch < total and self.active:
            asked = [self.members[index].run.should_stop for index in self.active]  # all: each run notes its pause
            if any(asked):
                for index in self.active:
                    self.members[index].paused = True
                self._checkpoint()
                return
            self._advance(min(total - self.epoch, self._call_epochs()))
            if self.active and self.members[self.active[0]].run.checkpoint_due and self.epoch < total:
                self._checkpoint()
        for index in list(self.active):
            self._end(index)

    def _advance(self, count: int) -> None:
        """Train `count` epochs, or up to the first at which a member ends."""
        before = self.program.read() if count > 1 else []
        began = time.perf_counter()
        orders = self._orders(count)
        columns = self.program.advance(self.data, orders)
        self.program.epoch_s = (time.perf_counter() - began) / count
        kept = self._epochs_before_an_end(columns, count)
        if kept < count:
            self.program.load(before)
            columns = self.program.advance(self.data, orders[:kept])
        self._log(self.epoch + 1, columns, self.program.epoch_s / len(self.members))
        self.epoch += kept
        self._end_where_told()

    def _epochs_before_an_end(self, columns: MemberColumns, count: int) -> int:
        for row in range(count):
            if self._take_in({name: table[row : row + 1] for name, table in columns.items()}, self.epoch + 1 + row):
                return row + 1
        return count

    def _take_in(self, columns: MemberColumns, epoch: int) -> bool:
        """Show one epoch to the stop rules; whether it is the last of some member."""
        ends = []
        for index in self.active:
            metrics = {name: float(table[0, index]) for name, table in columns.items()}
            if epoch == 0:
                self.members[index].stopping.check_metric(list(metrics))
            ends.append(self.members[index].stopping.ends(epoch, metrics))
        if epoch == 0:
            self._end_where_told()
        return any(ends)

    def _end_where_told(self) -> None:
        for index in list(self.active):
            if self.members[index].stopping.reason is not None:
                self._end(index)

    def _end(self, index: int) -> None:
        self.active.remove(index)
        member = self.members[index]
        if not member.leaves(self.epoch):
            member.final = self.program.read()[index]
            self._checkpoint_of(member, member.final)

    def _orders(self, count: int) -> Any:
        first = self.members[0]
        seeds = [_SHARED_SEED] if first.shared_order else [member.run.seed for member in self.members]
        start = self.epoch + 1
        return np.stack(
            [epoch_orders(seed, start, count, self.examples, shuffle=first.shuffle) for seed in seeds], axis=1
        )

    def _log(self, first_epoch: int, columns: MemberColumns, epoch_s: float) -> None:
        count = len(next(iter(columns.values())))
        for index in self.active:
            own = {name: table[:, index].tolist() for name, table in columns.items()}
            run = self.members[index].run
            run.log_many(range(first_epoch, first_epoch + count), {**own, "seconds": [epoch_s] * count})

    def _checkpoint(self) -> None:
        states = self.program.read()
        for index in self.active:
            self._checkpoint_of(self.members[index], states[index])

    def _checkpoint_of(self, member: Member, state: State) -> None:
        member.run.checkpoint(checkpoint_of("stacked", self.epoch, state, []))

    def _call_epochs(self) -> int:
        if self.program.epoch_s is None:
            return 1
        return max(1, min(self.program.longest_call_epochs, int(CALL_S / self.program.epoch_s)))


def _program(first: Member, members: int) -> StackedProgram:
    """Return the program for stacks of this many members of this shape, kept for those to come."""
    setup, key = first.setup, (first.setup.key, members, first.shared_order)
    program = _kept.pop(key, None) or backend().make_stacked_program(
        setup.model, setup.batch_size, setup.data, members=members, shared_order=first.shared_order
    )
    if setup.key is not None:
        _kept[key] = program
    if len(_kept) > MOST_STACKS:
        _kept.pop(next(iter(_kept)))
    return program


def train_stack(members: list[Member]) -> None:
    """Train the members together: histories logged, checkpoints made, and each one's `final` state set at its end."""
    loop = StackLoop(members)
    for member in members:
        order = "shared" if member.shared_order else "own"
        member.run.record(
            engine="stacked",
            engine_reason="asked for",
            stacked=True,
            stack_members=len(members),
            stack_order=order,
            compile_s=loop.program.compile_s,
        )
    loop.start()
    loop.train()
