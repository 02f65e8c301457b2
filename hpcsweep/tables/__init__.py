"""Comparison tables: parameter against parameter, each cell mean ± std (n), in six formats.

from hpcsweep.tables import table
table("sweeps/quickstart.toml", rows=["layers"], cols=["optimizer"], values=["max_val_accuracy"])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hpcsweep.errors import UsageError, nearest
from hpcsweep.tables.cells import KINDS, Cell
from hpcsweep.tables.table import Table, table

__all__ = ["FORMATS", "KINDS", "Cell", "Table", "render", "table"]
FORMATS = ("text", "md", "csv", "latex", "html", "json")


def render(made: Table, form: str = "text", width: int = 100) -> str:
    """Return a table in one of FORMATS, ending with a newline; `width` is the terminal's, in letters."""
    from hpcsweep.tables.formats.html import to_html
    from hpcsweep.tables.formats.json_csv import to_csv, to_json
    from hpcsweep.tables.formats.markup import to_latex, to_markdown
    from hpcsweep.tables.formats.text import to_text

    if form == "text":
        return to_text(made, width)
    writers: Mapping[str, Callable[[Table], str]] = {
        "md": to_markdown,
        "csv": to_csv,
        "latex": to_latex,
        "html": to_html,
        "json": to_json,
    }
    if form not in writers:
        raise UsageError(f'--format: found "{form}"{nearest(form, FORMATS)}; expected one of {", ".join(FORMATS)}')
    return writers[form](made)
