"""Keep what the studies in full came to: on docs/reproductions.md, and as small files in docs/reproductions/.

A part of the page lies between two comments, `<!-- from the runs: SWEEP -->` and `<!-- end -->`.
python docs/reproductions.py STORE SWEEP ... writes these parts, and of each sweep the cells of its table and a thinned
history, so that nothing has to be trained again to read them.
python docs/reproductions.py --differences STORE SWEEP ... says where STORE differs from what is kept by more than
seeds explain, and exits with 1 if it does.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hpcsweep.results import Results, load
from hpcsweep.statistics.expected import compare_expected
from hpcsweep.store.states import FINISHED
from hpcsweep.tables import render, table
from hpcsweep.tables.expected import expected_table

PAGE = Path(__file__).parent / "reproductions.md"
KEPT = PAGE.with_suffix("")
SWEEPS = PAGE.parents[1] / "sweeps"
MOST_CELLS = 48  # of a table that the page has room for
KEPT_EPOCHS = 25
DIGITS = 6  # of kept numbers: fewer than a float has, more than seeds agree in
STANDARD_ERRORS = 3.0  # as far apart as this, two means over seeds are called different
MOST_HISTORIES = 16  # settings


def filled(page: str, results: Results, sweep: str) -> str:
    """Return the page with the part of one sweep as the results have it; ValueError if it has no such part."""
    part = re.compile(rf"(<!-- from the runs: {re.escape(sweep)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not part.search(page):
        raise ValueError(f"{PAGE}: has no part for {sweep}; expected <!-- from the runs: {sweep} -->")
    told = _told(results)
    return part.sub(lambda found: f"{found[1]}\n{told}\n{found[2]}", page)


def kept(results: Results) -> dict[str, Any]:
    """Return the cells of the sweep's table, how long the runs took, and the means over seeds of some epochs."""
    done, hours = _finished(results)
    cells = [{name: _short(value) for name, value in cell.items()} for cell in table(results).records()]
    return {"finished": done, "runs": len(results.runs), "hours": hours, "cells": cells, "history": _thinned(results)}


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Say of each cell that was kept where it is missing now, or differs by more than its seeds explain."""
    now = {_place(cell): cell for cell in after["cells"]}
    for cell in before["cells"]:
        place, other = _place(cell), now.get(_place(cell), {})
        if cell["mean"] is None or _is_time(cell["metric"]):
            continue
        named = ", ".join(f"{name} {value}" for name, value in place)
        if other.get("mean") is None:
            yield f"{named}: kept {cell['mean']:g}, now missing"
        elif abs(other["mean"] - cell["mean"]) > STANDARD_ERRORS * math.hypot(_error(cell), _error(other)):
            yield f"{named}: kept {cell['mean']:g}, now {other['mean']:g}"


def _told(results: Results) -> str:
    """Return how many runs are finished, how long their trajectories took, their table, and the verdicts."""
    done, hours = _finished(results)
    took = f"{hours:.1f} hours" if hours > 1.5 else f"{hours * 60:.0f} min"
    parts = [f"{done} of {len(results.runs)} runs are finished; they took {took} on a core shared with other work.\n"]
    shown = table(results)
    if done and len(shown.row_keys) * len(shown.columns()) <= MOST_CELLS:
        parts.append(render(shown, "md"))
    return "\n".join([*parts, expected_table(compare_expected(results), "md")]).rstrip("\n") + "\n"


def _finished(results: Results) -> tuple[int, float]:
    done = results.runs[results.in_state(*FINISHED)]
    seconds = done.groupby(results.own["trajectory"])[results.own["time_s"]].max().sum()
    return len(done), round(float(seconds) / 3600, 3)


def _thinned(results: Results) -> list[dict[str, Any]]:
    """Return the means over seeds at some epochs of the longest run of each setting; nothing of a very large sweep."""
    names = [name for name in results.varying() if name != "epochs"]
    runs = results.runs[results.in_state(*FINISHED)].sort_values("reached_epoch")
    runs = runs.drop_duplicates([*names, "seed"], keep="last")
    epochs = results.history().merge(runs[["id", *names]].astype({"id": str}), on="id") if len(runs) else runs
    settings = list(epochs.groupby(names, sort=False)) if names and len(epochs) else [((), epochs)]
    if not len(epochs) or len(settings) > MOST_HISTORIES:
        return []
    return [_curve(dict(zip(names, key, strict=True)), group, results.metrics) for key, group in settings]


def _curve(setting: dict[str, Any], epochs: Any, metrics: tuple[str, ...]) -> dict[str, Any]:
    means = epochs.groupby("epoch")[list(metrics)].mean()
    last = len(means) - 1
    places = np.unique(np.geomspace(1, last + 1, min(KEPT_EPOCHS, last + 1)).round().astype(int) - 1)
    some = means.iloc[places]
    curve: dict[str, Any] = {name: _short(value) for name, value in setting.items()}
    curve["epoch"] = [int(epoch) for epoch in some.index]
    return curve | {name: [_short(float(one)) for one in some[name]] for name in metrics if not _is_time(name)}


def _place(cell: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(cell[name])) for name in cell if name not in ("mean", "std", "n", "states", "mixed"))


def _error(cell: dict[str, Any]) -> float:
    """Return the standard error of a mean over seeds; of one seed, for want of better, a tenth of the mean."""
    mean, std, n = float(cell["mean"]), cell["std"], int(cell["n"])
    return float(std) / math.sqrt(n) if n > 1 else abs(mean) / 10 / STANDARD_ERRORS


def _is_time(metric: str) -> bool:
    return metric.endswith(("seconds", "_s"))


def _short(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, float):
        return value
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--differences", action="store_true", help="change nothing; say what differs from what is kept")
    parser.add_argument("store", help="the store of results")
    parser.add_argument("sweeps", nargs="+", help="names of sweeps, such as study5_own_net")
    options = parser.parse_args()
    differ = 0
    for name in options.sweeps:
        found = load(SWEEPS / f"{name}.toml", store=options.store)
        path = KEPT / f"{name}.json"
        if options.differences:
            lines = list(differences(json.loads(path.read_text()), kept(found)))
            print(f"{name}: {len(lines)} of the kept cells differ", *lines, sep="\n  ")
            differ += len(lines)
            continue
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), found, name), encoding="utf-8")
        KEPT.mkdir(exist_ok=True)
        path.write_text(json.dumps(kept(found), separators=(",", ":")).replace('},{"', '},\n{"') + "\n")
    sys.exit(int(differ > 0))
