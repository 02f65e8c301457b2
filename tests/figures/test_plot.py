"""Figures: every kind is drawn, labelled with units, and saved whole."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hpcsweep import figures, results
from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.figures.style import COLOURS, chance, line_style, words
from tests.made_results import Study, results_of
from tests.made_sweeps import made_sweep

KINDS = sorted(figures.KINDS)


def texts(figure: Any) -> str:
    """All texts of a figure, as one."""
    from matplotlib.text import Text

    return "\n".join(found.get_text() for found in figure.findobj(Text))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("gap", "score", "halving")])
def test_every_kind_is_drawn_from_a_sweep(study: Study, kind: str) -> None:
    """A sweep with runs still missing has every figure that its data allow, named after the sweep."""
    figure = figures.plot(study.sweep, kind)
    assert "toy" in texts(figure)


def test_curves_have_units_bands_and_chance(study: Study) -> None:
    """Curves name epoch 0, n, the unit, and draw 1/k and log(k) for the classes of the confusion matrices."""
    figure = figures.plot(study.sweep, "curves", metrics=["val_accuracy", "loss"])
    drawn = texts(figure)
    for part in (
        "epoch (0: untrained)",
        "accuracy (share)",
        "loss (nats)",
        "seeds",
        "chance, 1/2",
        "chance, log(2) nats",
    ):
        assert part in drawn
    axes = figure.axes[0]
    assert len(axes.collections) == 3  # a band for each setting of more than one seed
    mean = (
        results.history(study.sweep).query("epoch == 5").merge(results.runs(study.sweep)[["id", "layers", "optimizer"]])
    )
    expected = mean.query("layers == 2 and optimizer == 'adam'")["val_accuracy"].mean()
    assert np.asarray(axes.lines[0].get_ydata())[-1] == pytest.approx(expected)


def test_the_heat_map_shows_the_numbers_of_the_table(study: Study) -> None:
    """A heat map prints each cell's mean ± std (n)."""
    assert "(3)" in texts(figures.plot(study.sweep, "heatmap", rows=["layers"], cols=["optimizer"]))


def test_confusion_counts_the_seeds_whose_classes_collapsed(study: Study) -> None:
    """A class that one seed never gets right is counted, though the sum over the seeds gets it right."""
    assert "layers" not in texts(figures.plot(study.sweep, "confusion"))
    assert "classes collapsed in 1 of 3" in texts(figures.plot(study.sweep, "confusion"))


def test_a_band_is_over_seeds_unless_one_says_what_to_pool(study: Study) -> None:
    """What --group leaves out tells lines apart as well, so that no band takes depths for repeats; --pool does."""
    lines = [str(line.get_label()) for line in figures.plot(study.sweep, "curves", group=["optimizer"]).axes[0].lines]
    assert [label for label in lines if "ada" in label] == ["adam, 2", "adagrad, 2", "adam, 3", "adagrad, 3"]
    pooled = figures.plot(study.sweep, "curves", group=["optimizer"], pool=["layers"], metrics=["loss"])
    assert [line.get_label() for line in pooled.axes[0].lines][:2] == ["adam", "adagrad"]


def test_the_axis_shows_the_trained_epochs() -> None:
    """Curves from 0.90 to 0.975 are not flattened by the untrained model and by chance, and that is said."""
    history = pd.DataFrame({"id": "0" * 64, "epoch": range(9), "val_accuracy": [0.1, *np.linspace(0.9, 0.975, 8)]})
    made = replace(
        results_of([{"a": 1, "trajectory": "t", "reached_epoch": 8.0, "collapsed_classes": 0.0}], ["a"]),
        metrics=("val_accuracy",),
        read_history=lambda: history,
    )
    axes = figures.plot(made, "curves", classes=10).axes[0]
    low, high = axes.get_ylim()
    assert 0.85 < low < 0.9 < 0.975 < high < 1
    assert "off the axis" in axes.get_xlabel()


def test_the_gap_is_training_less_validation(study: Study) -> None:
    """Without validation and training of one metric there is no gap, and that is said."""
    with pytest.raises(NothingSelectedError, match="both accuracy and val_accuracy"):
        figures.plot(study.sweep, "gap")


def test_a_score_is_drawn_on_a_log_axis_where_that_helps() -> None:
    """A parameter over several powers of ten gets a logarithmic axis, and says so."""
    runs = [{"lr": 10.0**-n, "last_accuracy": n / 9} for n in range(1, 6)]
    figure = figures.plot(results_of(runs, ["lr"]), "score")
    assert figure.axes[0].get_xscale() == "log"
    assert "lr (log)" in texts(figure)


def test_the_number_of_weights_is_an_axis() -> None:
    """A score is drawn against the size of the nets; what made them so large divides no lines; one size is no axis."""
    runs = [{"width": n, "parameters": 10.0 * n, "last_accuracy": n / 9} for n in (1, 2, 4)]
    axes = figures.plot(results_of(runs, ["width"]), "score", x="parameters").axes[0]
    assert axes.get_xlabel() == "parameters"
    assert [np.asarray(line.get_xdata()).tolist() for line in axes.get_lines()] == [[10.0, 20.0, 40.0]] * 2
    with pytest.raises(UsageError, match="where nets differ in it"):
        figures.plot(results_of([{**run, "parameters": 5.0} for run in runs], ["width"]), "score", x="parameters")


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_figures_are_saved_the_same_every_time(study: Study, tmp_path: Path, ending: str, start: bytes) -> None:
    """PNG, SVG and PDF are written, and the same figure gives the same bytes."""
    paths = [tmp_path / f"{number}.{ending}" for number in range(2)]
    for path in paths:
        figures.save(figures.plot(study.sweep, "curves", metrics=["loss"]), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes().startswith(start)


def test_lines_differ_in_more_than_colour() -> None:
    """The first 28 lines have 28 combinations of colour and dash, and neighbours have different markers."""
    styles = [line_style(number) for number in range(28)]
    assert len({(style["color"], str(style["linestyle"])) for style in styles}) == 28
    assert all(a["marker"] != b["marker"] for a, b in zip(styles, styles[7:], strict=False))
    assert len(set(COLOURS)) == len(COLOURS)


def test_chance_is_that_of_a_random_guesser() -> None:
    """Chance is 1/k in accuracy and log(k) nats in cross-entropy, and nothing elsewhere."""
    assert chance("val_accuracy", 10) == (0.1, "chance, 1/10")
    assert chance("loss", 3) == (math.log(3), "chance, log(3) nats")
    assert chance("seconds", 10) is None
    assert chance("loss", None) is None
    assert words("max_val_accuracy") == "highest validation accuracy (share)"


def test_a_wrong_wish_is_refused(study: Study, tmp_path: Path) -> None:
    """An unknown kind, an unknown ending and an axis without numbers are refused in words."""
    with pytest.raises(UsageError, match='did you mean "curves"'):
        figures.plot(study.sweep, "curve")
    with pytest.raises(UsageError, match=r"expected .png, .svg, .pdf"):
        figures.save(figures.plot(study.sweep, "time"), tmp_path / "x.gif")
    with pytest.raises(UsageError, match="expected a numeric parameter"):
        figures.plot(study.sweep, "score", x="optimizer")
    with pytest.raises(NothingSelectedError, match="by epoch"):
        figures.plot(study.sweep, "curves", metrics=["nothing"])


def winner(made: Any) -> str:
    """The label of the best setting of a made sweep, by the mean of its seeds."""
    done = made.runs[made.runs["state"] == "done"]
    means = done.groupby(list(made.varying()))["last_val_accuracy"].mean()
    return ", ".join(str(value) for value in means.idxmax())


@pytest.mark.parametrize("kind", ["curves", "gap", "per-class", "confusion"])
def test_the_best_settings_are_drawn_and_the_cut_is_said(kind: str) -> None:
    """Of 288 settings the 12 best are drawn, the best first, and the figure says so."""
    made = made_sweep(864, epochs=3)
    figure = figures.plot(made, kind)
    assert "the 12 best of 288 settings by last_val_accuracy" in texts(figure)
    drawn = [text for text in texts(figure).splitlines() if text.count(", ") == 3 and "depth" not in text]
    labels = list(dict.fromkeys(text.partition(" (n")[0] for text in drawn))
    assert len(labels) == 12
    assert labels[0] == winner(made)


def test_lines_are_cut_by_the_value_that_is_drawn() -> None:
    """Curves of a loss keep the settings of the lowest loss; where no end is better, the first, which is said."""
    made = made_sweep(48, epochs=3)
    assert "the 12 best of 16 settings by last_val_loss" in texts(figures.plot(made, "curves", metrics=["val_loss"]))
    undecided = texts(figures.plot(replace(made, directions={"val_loss": None}), "curves", metrics=["val_loss"]))
    assert "the first 12 of 16 settings, as no end of last_val_loss is known to be better" in undecided.replace(
        "\n", " "
    )


def test_a_heat_map_of_many_settings_stays_readable() -> None:
    """40 rows with the best cells are drawn, no text of a cell is wider than the cell, and the cut is said."""
    figure = figures.plot(made_sweep(864, epochs=3), "heatmap")
    drawn = texts(figure)
    assert "the 40 best of 48 rows by last_val_accuracy" in drawn
    axes = figure.axes[0]
    assert axes.get_yticklabels()[0].get_text() == winner(made_sweep(864, epochs=3)).rpartition(", ")[0]
    assert max(figure.get_size_inches()) < 20
    width = abs(axes.transData.transform((1, 0))[0] - axes.transData.transform((0, 0))[0])
    assert max(text.get_window_extent().width for text in axes.texts) < width
