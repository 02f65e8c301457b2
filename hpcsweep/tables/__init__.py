"""Comparison tables: parameter against parameter, each cell mean ± std (n), in six formats.

```python
from hpcsweep.tables import table
table("sweeps/quickstart.toml", rows=["layers"], cols=["optimizer"], values=["max_val_accuracy"])
```

Other rooms also import `cells` (what the runs of a cell came to), `expected`, `layout`, `notes`, `origin_notes` and, of
`formats`, how numbers and frames are written.
"""

from __future__ import annotations

from hpcsweep.errors import UsageError, nearest
from hpcsweep.tables.cells import KINDS, Cell
from hpcsweep.tables.formats.html import to_html
from hpcsweep.tables.formats.json_csv import to_csv, to_json
from hpcsweep.tables.formats.markup import to_latex, to_markdown
from hpcsweep.tables.formats.text import to_text
from hpcsweep.tables.table import Table, table

__all__ = ["FORMATS", "KINDS", "Cell", "Table", "render", "table"]
FORMATS = ("text", "md", "csv", "latex", "html", "json")

_OF_GRID = {"md": to_markdown, "latex": to_latex, "html": to_html}


def render(made: Table, form: str = "text", width: int = 100) -> str:
    """Return a table in one of FORMATS, ending with a newline; `width` is that of the terminal, in characters."""
    if form == "text":
        return to_text(made.grid(), width)
    if form in _OF_GRID:
        return _OF_GRID[form](made.grid())
    if form == "json":
        return to_json(made.records())
    if form == "csv":
        return to_csv(made.records(), (*made.spec.rows, *made.spec.cols))
    raise UsageError(f'--format: found "{form}"{nearest(form, FORMATS)}; expected one of {", ".join(FORMATS)}')
