"""`hpcsweep knee SWEEP`: where more epochs, or more of anything, stop paying off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hpcsweep.cli.options import echo, json_option, note, source_argument, store_option, where_option
from hpcsweep.files import json_text


@click.command("knee")
@source_argument
@click.option("--value", "metric", metavar="METRIC", help="The metric  [default: val_accuracy, or val_loss ...]")
@click.option("--axis", default="epochs", show_default=True, help="epochs, or a numeric parameter.")
@click.option("--percent", type=float, help="What is worth it gains so much of the error that is left  [default: 5]")
@click.option("--gain", type=float, help="What is worth it gains so much of the metric, such as 0.001.")
@click.option("--gain-per-hour", type=float, help="What is worth it gains so much per hour on the device.")
@click.option(
    "--reach",
    metavar="NUMBERS",
    default="0.6,0.8,0.85",
    show_default=True,
    help="Values of the metric: after how many epochs is each reached?",
)
@where_option
@json_option
@store_option
def command(
    source: Path,
    metric: str | None,
    axis: str,
    percent: float | None,
    gain: float | None,
    gain_per_hour: float | None,
    reach: str,
    where: str | None,
    as_json: bool,
    store: str | None,
) -> None:
    """Say after how many epochs of SWEEP nothing later is worth it, if that is shown, and what each stretch buys."""
    from hpcsweep.errors import UsageError
    from hpcsweep.knee import find_knee
    from hpcsweep.results import load
    from hpcsweep.tables.formats.plain import frame_text

    try:
        thresholds = [float(text) for text in reach.split(",")]
    except ValueError:
        raise UsageError(f'--reach: found "{reach}", expected numbers such as 0.6,0.8') from None
    results = load(source, store=store, say=note)
    found = find_knee(
        results,
        metric,
        axis=axis,
        percent=percent,
        gain=gain,
        gain_per_hour=gain_per_hour,
        reach=thresholds,
        where=where,
    )
    if as_json:
        frames = {"knee": found.knee, "reaching": found.reaching, "marginal": found.marginal}
        echo(json_text({name: _records(frame) for name, frame in frames.items()}))
        return
    for title, frame in found.titled().items():
        echo(f"{title}\n\n{frame_text(frame, longest=200)}")


def _records(frame: Any) -> list[dict[str, Any]]:
    known: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    return known
