"""Putting a report together: the template, styles, scripts and data in one file."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import hpcsweep
from hpcsweep.files import shown_in_html, write_atomic
from hpcsweep.report.content import content_of
from hpcsweep.results import ResultsSource
from hpcsweep.results.query.select import results_of
from hpcsweep.statistics.expected import compare_expected
from hpcsweep.store.opening import StoreSource
from hpcsweep.tables.expected import expected_table

# every script and style is in the page, nothing may be fetched or sent, and no text becomes code
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "form-action 'none'; base-uri 'none'"
)
STYLES = ("colours", "frame", "parts", "runs", "print")
# each may use what the ones before it define
SCRIPTS = (
    *("elements", "columns", "words", "parser", "evaluator", "colours", "scales", "state", "settings", "copying"),
    *("bar", "completion", "answer", "forest", "chart", "lines", "curves", "matrix_rows", "matrix", "parallel"),
    *("runs", "keys", "one_run", "drawer", "failures", "again", "live", "start"),
)


def report(
    source: ResultsSource,
    *,
    title: str | None = None,
    where: str | None = None,
    store: StoreSource = None,
    next_s: float | None = None,
) -> str:
    """Return the report of a sweep, a store's folder or results as one HTML page.

    It answers first: the best setting, what the parameters do, what to doubt. Then come learning curves, a matrix of
    settings, parallel coordinates, the runs, the failures by cause, and what is needed to repeat the sweep. All of
    them obey one condition, in the language of `where`. What [[expected]] of the sweep file asks for stands below the
    answer, beside what came out. Every text in it is escaped. `next_s` says in how many seconds
    the file will be written again: the page then loads itself anew while runs are open.
    """
    results = results_of(source, where=where, store=store)
    return str(
        _template().render(
            title=title or results.title,
            policy=POLICY,
            style="".join(_text(f"style/{name}.css") for name in STYLES),
            script="".join(_text(f"script/{name}.js") for name in SCRIPTS),
            data=script_json(
                content_of(results, next_s) | {"title": title or results.title, "version": hpcsweep.__version__}
            ),
            table=results.to_type("table"),
            expected=expected_table(compare_expected(results), "html"),
        )
    )


def write_report(
    source: ResultsSource,
    path: str | Path,
    *,
    title: str | None = None,
    where: str | None = None,
    store: StoreSource = None,
    next_s: float | None = None,
) -> Path:
    """Write the report to `path` and return that; options as for `report`. A failure leaves no partial file."""
    path = Path(path)
    write_atomic(path, report(source, title=title, where=where, store=store, next_s=next_s).encode())
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


def _text(name: str) -> str:
    return (files("hpcsweep.report") / name).read_text(encoding="utf-8")


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=shown_in_html
    )
    return environment.from_string(_text("report.html.j2"))
