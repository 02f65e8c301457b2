"""The face of the package: every verb as a function, imported when it is first used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hpcsweep
from hpcsweep.cli import VERBS
from tests.conftest import ENVIRONMENT, Study

# the verbs whose names are packages, or say less than a function's must
OTHER_NAMES = {
    **{"knee": "find_knee", "report": "write_report", "schema": "sweep_json_schema", "data": "list_data"},
    **{"files": "kept_files", "model": "best_model", "try": "try_sweep", "profile": "new_profile"},
    **{"note": "add_note", "tag": "add_tag"},
}
HEAVY = {"numpy", "pandas", "pydantic", "click", "rich", "matplotlib", "keras", "submitit", "logging"}
# as a user without checking tools sees it: an old script, and one that mixes both ways
MIXED = """
import hpcsweep
from hpcsweep import statistics
from hpcsweep.report import write_report
import hpcsweep.knee
assert hpcsweep.write_report is write_report
assert hpcsweep.find_knee is hpcsweep.knee.find_knee
assert callable(hpcsweep.knee.knee) and callable(statistics.compare) and callable(hpcsweep.results.runs)
"""


def python(code: str) -> str:
    """Return what a program prints."""
    ended = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_importing_the_package_loads_nothing_else() -> None:
    """Jobs and workers import `hpcsweep`: that loads neither our other modules nor a library."""
    loaded = python("import hpcsweep, sys; print(*sys.modules)").split()
    assert [name for name in loaded if name.startswith("hpcsweep")] == ["hpcsweep"]
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_a_function(verb: str) -> None:
    """What the command line does can be done in Python, under the verb's name but for ten."""
    found = getattr(hpcsweep, OTHER_NAMES.get(verb, verb))
    assert callable(found)
    assert found.__doc__


def test_every_name_is_there_and_listed() -> None:
    """`__all__`, `dir` and what type checkers and editors see are the same names, each of which can be imported."""
    tree = ast.parse(Path(hpcsweep.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in ast.walk(block) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {*seen, "__version__", "job_options"} == set(hpcsweep.__all__)
    assert set(hpcsweep.__all__) <= set(dir(hpcsweep))
    for name in hpcsweep.__all__:
        assert getattr(hpcsweep, name) is not None


def test_packages_keep_their_names() -> None:
    """The packages that scripts import go on working beside the functions, in whatever order they are imported."""
    python(MIXED)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A mistyped name is an AttributeError, as of any module, and type checkers see it as well."""
    with pytest.raises(AttributeError, match="submitt"):
        _ = hpcsweep.submitt  # type: ignore[attr-defined]
    assert not hasattr(hpcsweep, "submitt")


def test_planning_in_python_imports_nothing_heavy(study: Study) -> None:
    """`hpcsweep.plan` is as light as the command: no NumPy, no pandas, no Keras, no click."""
    study.job("job", "def train(run, *, rate: float):\n    return {'loss': rate}\n")
    path = study.sweep("s", 'name = "s"\njob = "jobs/job.py:train"\n[grid]\nrate = [0.1, 0.2]\n')
    code = f"import hpcsweep, sys; print(hpcsweep.plan({str(path)!r}).counts['new'], *sys.modules)"
    new, *loaded = python(code).split()
    assert new == "2"
    assert not {"numpy", "pandas", "keras", "click", "rich", "submitit"} & set(loaded)
