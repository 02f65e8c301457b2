"""Write into docs/reproductions.md what runs in a store came to, beside what the studies' originals report.

Such a part lies between two comments, `<!-- from the runs: SWEEP -->` and `<!-- end -->`. Type:
python docs/reproductions.py STORE SWEEP ... with the names of the sweeps that STORE holds, such as study5_own_net.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from hpcsweep.results import Results, load
from hpcsweep.statistics.expected import compare_expected
from hpcsweep.store.states import FINISHED
from hpcsweep.tables.expected import expected_table

PAGE = Path(__file__).parent / "reproductions.md"
SWEEPS = PAGE.parents[1] / "sweeps"


def filled(page: str, store: str, sweep: str) -> str:
    """Return the page with the part of one sweep as the store would have it now; ValueError if it has no such part."""
    part = re.compile(rf"(<!-- from the runs: {re.escape(sweep)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not part.search(page):
        raise ValueError(f"{PAGE}: has no part for {sweep}; expected <!-- from the runs: {sweep} -->")
    told = _told(load(SWEEPS / f"{sweep}.toml", store=store))
    return part.sub(lambda found: f"{found[1]}\n{told}\n{found[2]}", page)


def _told(results: Results) -> str:
    """Return how many runs are finished, how long their trajectories took, and the verdicts on what was expected."""
    done = results.runs[results.in_state(*FINISHED)]
    minutes = done.groupby(results.own["trajectory"])[results.own["time_s"]].max().sum() / 60
    took = f"{minutes / 60:.1f} hours" if minutes > 90 else f"{minutes:.0f} min"
    first = f"{len(done)} of {len(results.runs)} runs are finished; they took {took} on one busy core.\n"
    return f"{first}\n{expected_table(compare_expected(results), 'md')}"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    for name in sys.argv[2:]:
        text = filled(text, sys.argv[1], name)
    PAGE.write_text(text, encoding="utf-8")
