"""Putting a report together: the template, the data and the charting library in one file."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import hpcsweep
from hpcsweep.errors import HpcsweepError
from hpcsweep.files import shown_in_html, write_atomic
from hpcsweep.report import content
from hpcsweep.results import Results, ResultsSource
from hpcsweep.results.query.select import results_of
from hpcsweep.results.query.values import default_value, value_of
from hpcsweep.statistics import effects, sentences
from hpcsweep.store.opening import StoreSource
from hpcsweep.store.states import count_states
from hpcsweep.tables import render, table
from hpcsweep.tables.notes import doubts
from hpcsweep.tables.origin_notes import origin_notes

MAX_TABLES = 4
# every script and style is in the page, and nothing may be fetched; the charts' WebGL code is compiled with Function()
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
    "form-action 'none'; base-uri 'none'"
)


def report(
    source: ResultsSource, *, title: str | None = None, where: str | None = None, store: StoreSource = None
) -> str:
    """Return the report of a sweep, a store's folder or results as one HTML page.

    It holds the comparison tables, what can be said about the parameters, learning curves, parallel coordinates, the
    runs, the failures by cause, and what is needed to repeat the sweep. Every text in it is escaped.
    """
    results = results_of(source, where=where, store=store)
    data: dict[str, Any] = {
        "columns": content.run_columns(results),
        "rows": content.run_rows(results),
        "labels": content.labels(results),
        "curves": content.curve_data(results),
        "parallel": content.parallel_data(results),
    }
    warnings = _warnings(results)
    return str(
        _template().render(
            title=title or results.title,
            policy=POLICY,
            style=_text("report.css"),
            script=_text("report.js"),
            plotly=_plotly(),
            data=script_json(data),
            states=list(count_states(results.column("state")).items()),
            total=len(results.runs),
            tables=_tables(results, warnings),
            warnings=warnings,
            sentences=_sentences(results),
            effects=_effects(results),
            thinned=data["curves"]["thinned"],
            dropped=data["curves"]["dropped"],
            failures=content.failures(results),
            provenance=list(content.provenance(results)),
            run=results.to_type("run"),
            verify=results.to_type("verify"),
            version=hpcsweep.__version__,
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )


def write_report(
    source: ResultsSource,
    path: str | Path,
    *,
    title: str | None = None,
    where: str | None = None,
    store: StoreSource = None,
) -> Path:
    """Write the report to `path` and return that; options as for `report`. A failure leaves no partial file."""
    path = Path(path)
    write_atomic(path, report(source, title=title, where=where, store=store).encode())
    return path


def script_json(data: Any) -> str:
    """Return JSON that is safe in a `<script>` element: nothing in its texts can end the element."""
    text = json.dumps(_shown(data), allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _shown(data: Any) -> Any:
    if isinstance(data, dict):
        return {shown_in_html(key): _shown(value) for key, value in data.items()}
    return [_shown(value) for value in data] if isinstance(data, list | tuple) else shown_in_html(data)


def _tables(results: Results, said: list[str]) -> list[str]:
    """Return the comparison tables as HTML, without the notes that were `said` above."""
    wanted = [_default(results), "last_val_loss", "max_val_accuracy", "last_loss", "mean_seconds"]
    shown = [name for name in dict.fromkeys(wanted) if name is not None and (name in results.own or name == wanted[0])]
    made = []
    for name in shown[:MAX_TABLES]:
        try:
            one = table(results, values=[name])
            made.append(render(replace(one, notes=tuple(note for note in one.notes if note not in said)), "html"))
        except HpcsweepError:
            continue
    return made


def _default(results: Results) -> str | None:
    if results.layout is not None and results.layout.value:
        return str(results.layout.value[0])
    try:
        return default_value(results)
    except HpcsweepError:
        return None


def _warnings(results: Results) -> list[str]:
    name = _default(results)
    return [] if name is None else [*doubts(results, [value_of(results, name)]), *origin_notes(results, {})]


def _sentences(results: Results) -> list[str]:
    try:
        return list(sentences(results, _default(results)))
    except HpcsweepError as error:
        return [str(error)]


def _effects(results: Results) -> list[dict[str, Any]]:
    try:
        frame = effects(results, _default(results))
    except HpcsweepError:
        return []
    rows: list[Any] = frame.to_dict(orient="records")
    return [row for row in rows if row["parameter"] in results.varying()]


def _text(name: str) -> str:
    return (files("hpcsweep.report") / name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    text: str = get_plotlyjs()
    return text.replace("</script", "<\\/script")


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    from hpcsweep.results.query.labels import key_text

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=shown_in_html
    )
    environment.filters["key_text"] = key_text
    return environment.from_string(_text("report.html.j2"))
