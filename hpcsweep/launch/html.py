"""How a notebook shows our values: a line, a small table, and lines below it. All texts are escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape as escape_html

from hpcsweep.files import printable


def page(title: str, body: str = "", lines: Iterable[str] = ()) -> str:
    """Return a title, HTML made here, and the lines that are not empty, each as a paragraph."""
    below = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    return f"<div><p><b>{escape(title)}</b></p>{body}{below}</div>"


def table_of(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table, empty cells for None; nothing if there are no rows."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _cell(value: object) -> str:
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"<td>{escape(text)}</td>"


def escape(text: str) -> str:
    """Return a text as HTML shows it, with what would be obeyed escaped, too."""
    return escape_html(printable(text))
