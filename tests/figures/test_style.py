"""What all figures have in common."""

from __future__ import annotations

from matplotlib.figure import Figure

from hpcsweep.figures.style import LETTERS, legend


def test_a_long_legend_is_cut() -> None:
    """Names of settings of many parameters do not cover the panels; short ones are whole."""
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    for label in ("short", "x" * 300):
        axes.plot([0, 1], label=label)
    legend(figure, axes, "many, " * 50)
    (made,) = figure.legends
    texts = [text.get_text() for text in made.get_texts()]
    assert texts[0] == "short"
    assert max(map(len, [*texts, made.get_title().get_text()])) == LETTERS
