"""Figures that a notebook shows although pyplot, which would keep them open, never heard of them."""

from __future__ import annotations

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

SCREEN_DPI = 100


class ShownFigure(Figure):
    """A figure that no window manager knows, so that there is nothing to close."""

    def __init__(self, width: float, height: float) -> None:
        """Sizes in inches."""
        super().__init__(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=SCREEN_DPI)
        return buffer.getvalue()
