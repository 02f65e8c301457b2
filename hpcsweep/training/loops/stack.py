"""Training a stack: the loop over epochs for several runs at once."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.metrics import SECONDS
from hpcsweep.training.loops.member import Member
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.partial_epoch import CALL_S, Parts, takes_parts
from hpcsweep.training.programs.protocol import DeviceData, MemberColumns, StackedProgram
from hpcsweep.training.state.order import epoch_orders
from hpcsweep.training.state.variables import State, checkpoint_of

MOST_STACKS = 8
_kept: dict[Any, StackedProgram] = {}
_SHARED_SEED = 0  # of the one order that all follow, whoever they are


class StackLoop:
    """The members of one stack by their seats, trained epoch by epoch until each has come to its end.

    In a seat whose member has ended before, or is elsewhere, the first member is trained once more, for nobody.
    """

    def __init__(self, members: list[Member]) -> None:
        """Make the program; raises NotStackableError if these nets cannot be stacked."""
        first = members[0]
        data = first.setup.data
        self.members = {member.seat.number: member for member in members}
        self.active = list(self.members)
        self.epoch, self.examples = first.epoch, data.examples
        self.parts: Parts | None = None
        self.seated = [self.members.get(index, first) for index in range(first.seat.stack_members)]
        self.program, self.data = compiled_stack(first)
        self._load()

    def start(self) -> None:
        """Evaluate the fresh models, or take in what the histories tell."""
        if self.seated[0].saved is None:
            began = time.perf_counter()
            columns = self.program.evaluate(self.data)
            self._load()  # layers may draw where they are only evaluated
            self._log(0, columns, (time.perf_counter() - began) / len(self.seated))
            self._take_in(columns, 0)
        else:
            for index, member in self.members.items():
                history = member.run.history
                for row, epoch in enumerate(history["epoch"]):
                    metrics = {name: column[row] for name, column in history.items() if name != "epoch"}
                    if member.stopping.ends(int(epoch), metrics):
                        self._end(index)
                        break
            self._go_on_within([member.within for member in self.seated if member.within])

    def _load(self) -> None:
        self.program.load([m.initial if m.saved is None else m.saved["variables"] for m in self.seated])

    def train(self) -> None:
        """Train to the end, or to a request to stop."""
        total = self.seated[0].epochs
        while self.epoch < total and self.active:
            asked = [self.members[index].run.should_stop for index in self.active]  # all: each run notes its pause
            if any(asked):
                self._checkpoint()
                return
            if self.parts or takes_parts(self.program):
                self._advance_part()
            else:
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
        self._log(self.epoch + 1, columns, self.program.epoch_s / len(self.seated))
        self.epoch += kept
        self._end_where_told()

    def _advance_part(self) -> None:
        """Train the next part of a long epoch."""
        self.parts = self.parts or self._begin_parts()
        self.parts.advance()
        if self.parts.over:
            columns, elapsed_s = self.parts.columns, self.parts.elapsed_s
            self.program.epoch_s, self.parts = elapsed_s, None
            self._take_in(columns, self.epoch + 1)
            self._log(self.epoch + 1, columns, elapsed_s / len(self.seated))
            self.epoch += 1
            self._end_where_told()

    def _begin_parts(self) -> Parts:
        return Parts(self.program, self.data, self._orders(1)[0])

    def _go_on_within(self, places: list[dict[str, Any]]) -> None:
        """Go on inside an epoch, if the members have places there."""
        if places:
            names = places[0]["columns"]
            columns = {name: np.array([[place["columns"][name][0] for place in places]]) for name in names}
            self.parts = self._begin_parts()
            self.parts.go_on({**places[0], "columns": columns})

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
            if self.members[index].stopping.why is not None:
                self._end(index)

    def _end(self, index: int) -> None:
        self.active.remove(index)
        member = self.members[index]
        if not member.leaves(self.epoch):
            member.final = self.program.read()[index]
            self._checkpoint_of(index, member.final)

    def _orders(self, count: int) -> NDArray[np.int32]:
        first = self.seated[0]
        seeds = [_SHARED_SEED] if first.shared_order else [member.run.seed for member in self.seated]
        start = self.epoch + 1
        return np.stack(
            [epoch_orders(seed, start, count, self.examples, shuffle=first.shuffle) for seed in seeds], axis=1
        )

    def _log(self, first_epoch: int, columns: MemberColumns, epoch_s: float) -> None:
        count = len(next(iter(columns.values())))
        for index in self.active:
            own = {name: table[:, index].tolist() for name, table in columns.items()}
            run = self.members[index].run
            run.log_many(range(first_epoch, first_epoch + count), {**own, SECONDS: [epoch_s] * count})

    def _checkpoint(self) -> None:
        states = self.program.read() if self.parts is None else self.program.read_within()
        for index in self.active:
            self._checkpoint_of(index, states[index])

    def _checkpoint_of(self, index: int, state: State) -> None:
        member = self.members[index]
        whole = {**checkpoint_of("stacked", self.epoch, state, [], self._within(index)), "seat": list(member.seat)}
        whole["began"] = member.setup.began
        member.run.checkpoint(whole, epoch=None if self.parts is None else self.epoch + 1)

    def _within(self, index: int) -> dict[str, Any] | None:
        if self.parts is None:
            return None
        place = self.parts.place()
        own = {name: [float(column[0, index])] for name, column in place["columns"].items()}
        return {**place, "columns": own}

    def _call_epochs(self) -> int:
        if self.members[self.active[0]].run.checkpoint_due or self.program.epoch_s is None:
            return 1
        return max(1, min(self.program.longest_call_epochs, int(CALL_S / self.program.epoch_s)))


def _program(first: Member) -> StackedProgram:
    """Return the program for stacks of this size and shape, kept for those to come."""
    setup, members = first.setup, first.seat.stack_members
    key = setup.key, members, first.shared_order, setup.faster
    program = _kept.pop(key, None) or backend().make_stacked_program(
        setup.model, setup.batch_size, setup.data, members=members, shared_order=first.shared_order, faster=setup.faster
    )
    if setup.key is not None:
        _kept[key] = program
    if len(_kept) > MOST_STACKS:
        _kept.pop(next(iter(_kept)))
    return program


def compiled_stack(first: Member) -> tuple[StackedProgram, DeviceData]:
    """Return the program for a stack like that of `first`, compiled, and its data on the device."""
    program = _program(first)
    data = program.put(first.setup.data)
    program.compile(data)
    return program, data


def train_stack(members: list[Member], reason: str) -> None:
    """Train the members together: histories logged, checkpoints made, and each one's `final` state set at its end."""
    loop = StackLoop(members)
    for member in members:
        order = "shared" if member.shared_order else "own"
        member.run.record(
            engine="stacked",
            engine_reason=reason,
            stacked=True,
            stack_members=member.seat.stack_members,
            stack_order=order,
            faster=loop.program.faster,
            compile_s=loop.program.compile_s,
        )
    loop.start()
    loop.train()
