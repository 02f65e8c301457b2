"""Figures that a notebook shows although pyplot, which would keep them open, never heard of them."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

SCREEN_DPI = 100


class ShownFigure(Figure):
    """A figure that no window manager knows, so that there is nothing to close."""

    def __init__(self, width: float, height: float) -> None:
        """Sizes in inches."""
        super().__init__(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(self)

    def draw(self, renderer: Any) -> None:
        """Draw, with every `$` as it is: in a name or a value of the user, it begins no formula."""
        axes = [axis for one in self.axes for axis in (one.xaxis, one.yaxis)]
        ticks = [(axis, tick) for axis in axes for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())]
        powers = [label for axis, tick in ticks if axis.get_scale() == "log" for label in (tick.label1, tick.label2)]
        for text in self.findobj(Text):
            text.set_parse_math(text in powers)
        super().draw(renderer)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=SCREEN_DPI)
        return buffer.getvalue()
