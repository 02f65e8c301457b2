"""How far a sweep has come while it trains: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from hpcsweep.cli.options import note
from hpcsweep.store.states import RunState

if TYPE_CHECKING:
    from hpcsweep.launch.progress import Progress

LINE_EVERY_S = 10.0  # if there is something new
LINE_AT_LEAST_EVERY_S = 60.0


class ProgressDisplay:
    """Shows one look after the other until it is left."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._told = -LINE_AT_LEAST_EVERY_S
        self._line: Any = None
        self._left: Any = None

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, look: Progress) -> None:
        """Show a look: on a terminal in place, elsewhere as a line now and then."""
        if self._quiet:
            return
        from hpcsweep.launch.progress import TimeLeft

        self._left = self._left or TimeLeft()
        left = self._left.after(look)
        failed = f", {look.counts[RunState.FAILED]} failed" if look.counts[RunState.FAILED] else ""
        runs = f"{look.counts[RunState.DONE]}/{look.runs} runs done{failed}"
        if sys.stderr.isatty():
            self._bar = self._bar or self._start_bar()
            latest = f"newest run: {look.latest}" if look.latest else ""
            shown = {"runs": runs, "left": left or "time left: not known yet", "latest": latest}
            self._bar.update(self._task, total=look.total, completed=look.trained, **shown)
            return
        is_new = (runs, look.epoch) != self._line
        if time.monotonic() >= self._told + (LINE_EVERY_S if is_new else LINE_AT_LEAST_EVERY_S):
            about = f", {left}" if left else ""
            note(f"{time.strftime('%H:%M:%S')} {runs}{about}" + (f"; {look.latest}" if look.latest else ""))
            self._line, self._told = (runs, look.epoch), time.monotonic()

    def _start_bar(self) -> Any:
        from rich.console import Console, RenderableType
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.text import Text

        class Bar(Progress):
            """The bar of all runs, and below it how far the newest one is: both fit into 80 columns."""

            def get_renderables(self) -> Iterator[RenderableType]:
                yield from super().get_renderables()
                for task in self.tasks:
                    yield Text(task.fields["latest"], style="dim", no_wrap=True, overflow="ellipsis")

        bar = Bar(
            BarColumn(bar_width=None),
            TextColumn("{task.fields[runs]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True),
            transient=True,
            expand=True,
        )
        bar.start()
        self._task = bar.add_task("", total=None, runs="starting workers", left="time left: not known yet", latest="")
        return bar
