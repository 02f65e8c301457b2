"""What was expected of a sweep, as users see it: below its table, in its report, and in the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpcsweep.cli import main
from tests.made_results import TOY_SWEEP, make_study

ASKED = """
[[expected]]
where = {{ layers = 2, optimizer = "adam" }}
value = "last_val_accuracy"
is = {number}
tolerance = 0.08
source = "Table <1>"
"""


@pytest.mark.parametrize(("number", "verdict", "code"), [(0.9, "holds", 0), (0.5, "does not hold", 1)])
@pytest.mark.parametrize("verb", ["table", "report"])
def test_what_was_expected_stands_beside_what_came_out(
    verb: str, number: float, verdict: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Source, number, mean of the seeds and verdict are told; exit code 1 says that something does not hold."""
    made = make_study(tmp_path / "study", sweep_text=TOY_SWEEP + ASKED.format(number=number))
    page = tmp_path / "page.html"
    out = ["--out", str(page)] if verb == "report" else []
    with pytest.raises(SystemExit) as ended:
        main([verb, str(made.sweep), "--store", str(made.store.root), *out])
    assert ended.value.code == code
    told = page.read_text() if verb == "report" else capsys.readouterr().out
    source = "Table &lt;1&gt;" if verb == "report" else "Table <1>"
    assert all(part in told for part in (source, f"{number:g}, give or take 0.08", verdict, "(3)"))


def test_a_table_for_programs_stays_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints the cells alone on stdout; what was expected goes to stderr, and into the exit code."""
    made = make_study(tmp_path / "study", sweep_text=TOY_SWEEP + ASKED.format(number=0.5))
    with pytest.raises(SystemExit) as ended:
        main(["table", str(made.sweep), "--store", str(made.store.root), "--json"])
    told = capsys.readouterr()
    assert ended.value.code == 1
    assert json.loads(told.out)
    assert "does not hold" in told.err
