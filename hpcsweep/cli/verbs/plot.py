"""`hpcsweep plot SWEEP KIND`: figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hpcsweep.cli.options import echo, note, pool_option, source_argument, split_names, store_option, where_option

KINDS = ("curves", "gap", "time", "heatmap", "score", "parallel", "confusion", "per-class", "halving")


@click.command("plot")
@source_argument
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--value", "metrics", metavar="NAMES", multiple=True, help="What to draw, such as accuracy,val_accuracy.")
@click.option("--group", metavar="NAMES", help="The parameters that tell lines apart first.")
@pool_option
@click.option("--rows", metavar="NAMES", help="heatmap: parameters that head the rows.")
@click.option("--cols", metavar="NAMES", help="heatmap: parameters that head the columns.")
@click.option("--x", metavar="NAME", help="score: the parameter of the axis.")
@click.option("--log", is_flag=True, help="curves: a logarithmic axis of epochs.")
@click.option("--classes", type=int, help="curves: draw the chance level of this many classes.")
@where_option
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="A .png, .svg or .pdf file."
)
@store_option
def command(
    source: Path,
    kind: str,
    metrics: tuple[str, ...],
    group: str | None,
    pool: str | None,
    rows: str | None,
    cols: str | None,
    x: str | None,
    log: bool,
    classes: int | None,
    where: str | None,
    out: Path | None,
    store: str | None,
) -> None:
    """Draw a figure of SWEEP and print the name of its file.

    KIND: curves (mean and band over seeds), gap (overfitting), time (per epoch, by device), heatmap, score (against a
    parameter), parallel (coordinates), confusion (matrices), per-class (accuracy),
    halving (how far each setting was trained).
    """
    from hpcsweep.figures import plot, save
    from hpcsweep.results import load

    results = load(source, store=store, say=note)
    options: dict[str, Any] = {"metrics": split_names(metrics), "group": split_names(group)}
    options["pool"] = split_names(pool)
    if kind == "curves":
        options |= {"log_epochs": log, "classes": classes}
    if kind == "heatmap":
        options |= {"rows": split_names(rows), "cols": split_names(cols)}
    if kind == "score":
        options |= {"x": x}
    figure = plot(results, kind, where=where, **options)
    path = out or Path(f"{results.title}-{kind}.png")
    save(figure, path)
    echo(path)
