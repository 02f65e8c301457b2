"""A table as HTML, escaped throughout, with headings that a screen reader can follow."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from hpcsweep.files import shown_in_html
from hpcsweep.tables.formats.grid import Grid

_TEMPLATE = """\
<figure class="comparison">
<table>
<caption>{{ grid.caption }}</caption>
<thead>
{%- for level in range(grid.levels | length) %}
<tr>
{%- if loop.last %}{% for stub in grid.stubs %}<th scope="col" class="stub">{{ stub }}</th>{% endfor %}
{%- elif grid.stubs %}<td colspan="{{ grid.stubs | length }}"></td>{% endif %}
{%- for text, span in grid.spans(level) %}<th scope="{{ 'colgroup' if span > 1 else 'col' }}"
{%- if span > 1 %} colspan="{{ span }}"{% endif %}>{{ text }}</th>{% endfor %}</tr>
{%- endfor %}
</thead>
<tbody>
{%- for label in grid.labels %}
<tr>{% for text in label %}<th scope="row">{{ text }}</th>{% endfor %}
{%- for cell in grid.cells[loop.index0] %}
{%- if cell.missing %}<td class="missing">{{ cell.text }}</td>
{%- elif cell.best %}<td class="best"><strong title="best">{{ cell.text }}</strong></td>
{%- else %}<td>{{ cell.text }}</td>{% endif %}{% endfor %}</tr>
{%- endfor %}
</tbody>
</table>
<figcaption>{% for note in grid.notes %}<p>{{ note | replace(" * marks", " Bold marks") }}</p>{% endfor %}</figcaption>
</figure>
"""


def to_html(grid: Grid) -> str:
    """Return the table as a `<figure>` without style, which fits into any page."""
    return f"{_template().render(grid=grid)}\n"


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, finalize=shown_in_html).from_string(_TEMPLATE)
