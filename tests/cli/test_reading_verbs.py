"""The verbs that read results, as a user types them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hpcsweep import figures, results, tables
from hpcsweep.cli import main
from hpcsweep.cli.verbs import plot as plot_verb
from hpcsweep.cli.verbs import table as table_verb
from hpcsweep.store.results import publish_result
from hpcsweep.sweep.load import load_sweep
from tests.made_results import Study, make_result, make_study


@dataclass(frozen=True)
class Done:
    """How a command ended and what it printed."""

    returncode: int
    stdout: str
    stderr: str


Hpcsweep = Callable[..., Done]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study whose results are made up."""
    return make_study(tmp_path / "a study with 'quotes'")


@pytest.fixture
def hpcsweep(study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hpcsweep:
    """The command line, in the study's folder."""
    monkeypatch.chdir(study.sweep.parents[1])
    monkeypatch.delenv("HPCSWEEP_STORE", raising=False)

    def run(*words: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, *capsys.readouterr())

    return run


def test_table_json_on_stdout_and_nothing_else(hpcsweep: Hpcsweep) -> None:
    """`table --format json` prints the cells on stdout, so that a pipe can read them."""
    done = hpcsweep("table", "sweeps/toy.toml", "--format", "json", "--value", "val_accuracy,min_loss")
    assert (done.returncode, done.stderr) == (0, "")
    cells = json.loads(done.stdout)
    assert {cell["metric"] for cell in cells} == {"last_val_accuracy", "min_loss"}
    assert sum(cell["n"] for cell in cells) == 2 * 10


def test_table_of_a_store_and_into_a_file(hpcsweep: Hpcsweep) -> None:
    """A store's folder has a table too, and `--out` writes it."""
    done = hpcsweep("table", "results", "--where", "layers == 2", "--stat", "range", "--out", "t.txt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "wrote t.txt\n")
    assert "(3)" in Path("t.txt").read_text()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["table", "sweeps/toy.toml", "--rows", "layer"], 2, 'did you mean "layers"?'),
        (["table", "sweeps/toy.toml", "--where", "layers == 9"], 3, "none of the 12 runs"),
        (["table", "sweeps/nothing.toml"], 2, "nothing.toml"),
        (["show", "zzzz"], 3, "zzzz"),
        (["table", "sweeps/toy.toml", "--findings", "--json"], 2, "expected text or md"),
        (["best", "sweeps/toy.toml", "--value", "losss"], 2, 'did you mean "loss"?'),
        (["best", "sweeps/toy.toml", "--value", "loss", "--add-seeds", "many"], 2, "expected a number"),
        (["best", "results", "--value", "loss", "--add-seeds", "2"], 2, "expected a sweep file"),
        (["diff", "a"], 2, "two or more"),
        (["export", "sweeps/toy.toml"], 2, "--out"),
        (["knee", "sweeps/toy.toml", "--reach", "much"], 2, "expected numbers"),
        (["plot", "sweeps/toy.toml", "gap"], 3, "both accuracy and val_accuracy"),
        (["plot", "sweeps/toy.toml", "curves", "--out", "x.bmp"], 2, "expected .png, .svg, .pdf"),
    ],
)
def test_a_mistake_is_one_line_on_stderr(hpcsweep: Hpcsweep, words: list[str], code: int, message: str) -> None:
    """A mistake gives one line on stderr, nothing on stdout, and the exit code of its kind."""
    done = hpcsweep(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_show_diff_and_export(study: Study, hpcsweep: Hpcsweep, tmp_path: Path) -> None:
    """`show --json` is the record of the run, `diff` names what differs, `export` writes what reads back."""
    first, second = study.results[0], study.results[1]
    shown = json.loads(hpcsweep("show", first.id[:12], "--json").stdout)
    assert (shown["id"], shown["params"]) == (first.id, first.params)
    assert "seed" in hpcsweep("diff", first.id, second.id).stdout
    differences = json.loads(hpcsweep("diff", first.id, second.id, "--json").stdout)
    assert {"kind": "identity", "name": "seed"}.items() <= differences[0].items()
    done = hpcsweep("export", "sweeps/toy.toml", "--out", str(tmp_path / "out"))
    assert done.stdout.split() == [str(tmp_path / "out" / name) for name in ("runs.parquet", "history.parquet")]
    assert len(results.read_export(tmp_path / "out")[0]) == 12


def test_knee_plot_and_report(hpcsweep: Hpcsweep) -> None:
    """`knee --json` has its three parts, `plot` and `report` print the name of the file they wrote."""
    parts = json.loads(hpcsweep("knee", "sweeps/toy.toml", "--json", "--reach", "0.5").stdout)
    assert {name: len(rows) for name, rows in parts.items()} == {"knee": 4, "reaching": 4, "marginal": 12}
    assert "still rising" in hpcsweep("knee", "sweeps/toy.toml").stdout
    done = hpcsweep("plot", "sweeps/toy.toml", "curves", "--value", "loss", "--log", "--out", "c.svg")
    assert (done.returncode, done.stdout, Path("c.svg").stat().st_size > 1000) == (0, "c.svg\n", True)
    done = hpcsweep("report", "sweeps/toy.toml", "--where", "layers == 2")
    assert (done.returncode, done.stdout) == (0, "toy-report.html\n")
    assert Path("toy-report.html").stat().st_size > 100_000


def test_findings_stand_below_the_table(hpcsweep: Hpcsweep) -> None:
    """`table --findings` adds the sentences about the parameters to the table."""
    done = hpcsweep("table", "sweeps/toy.toml", "--findings", "--format", "md", "--value", "val_accuracy")
    assert "- optimizer adagrad instead of optimizer adam is not shown to change last_val_accuracy" in done.stdout


def test_best_answers_first_and_adds_the_seeds(study: Study, hpcsweep: Hpcsweep) -> None:
    """`best` says its answer first, `--json` all of it; `--add-seeds` writes seeds, and says what to type next."""
    done = hpcsweep("best", "sweeps/toy.toml", "--value", "val_accuracy")
    first = done.stdout.splitlines()[0]
    assert first.startswith("Best last_val_accuracy: layers ")
    found = json.loads(hpcsweep("best", "sweeps/toy.toml", "--value", "val_accuracy", "--json").stdout)
    assert found["sentences"][0] == first
    assert (len(found["settings"]), found["metric"], found["better"]) == (4, "last_val_accuracy", "max")
    assert first in hpcsweep("table", "sweeps/toy.toml", "--value", "val_accuracy", "--findings").stdout.splitlines()[0]
    added = hpcsweep("best", "sweeps/toy.toml", "--value", "val_accuracy", "--add-seeds", "2")
    assert added.stderr.endswith(
        "added seeds 3 to 4, for every setting of it; to train them, type: hpcsweep run sweeps/toy.toml\n"
    )
    assert "repeats = 5" in study.sweep.read_text()
    assert len(load_sweep(study.sweep).runs) == 4 * 5


def test_options_offer_what_the_functions_take() -> None:
    """The choices that `--help` lists without loading pandas are those that tables and figures know."""
    assert (tuple(tables.KINDS), tables.FORMATS) == (table_verb.KINDS, table_verb.FORMATS)
    assert tuple(figures.KINDS) == plot_verb.KINDS


def test_every_json_says_alike_what_is_no_finite_number(study: Study, hpcsweep: Hpcsweep) -> None:
    """`--json` prints strict JSON: in every verb infinity is "inf", NaN is "nan", and what is missing is null."""
    done = set(study.store.known_run_ids())
    odd = next(run for run in load_sweep(study.sweep).runs if run.id not in done)
    history = {"epoch": [0, 1, 2], "loss": [2.0, 1.0, math.inf], "val_accuracy": [0.1, math.nan, 0.2]}
    made = make_result(dict(odd.params), odd.seed, history=history, metrics={"gain": math.inf, "drift": math.nan})
    folder = study.store.folder(odd.trajectory)
    folder.path.mkdir(parents=True)
    publish_result(folder, replace(made, id=odd.id, trajectory=odd.trajectory), 1)

    def printed(*words: str) -> Any:
        return json.loads(hpcsweep(*words, "--json").stdout, parse_constant=lambda name: pytest.fail(f"found {name}"))

    told = {"gain": "inf", "drift": "nan"}
    assert printed("show", odd.id)["metrics"] == told
    assert printed("show", odd.id)["history"]["loss"] == [2.0, 1.0, "inf"]
    assert next(run for run in printed("status", "sweeps/toy.toml")["runs"] if run["id"] == odd.id)["metrics"] == told
    cells = printed(
        "table", "sweeps/toy.toml", "--value", "gain", "--rows", "layers", "--cols", "seed", "--pool", "optimizer"
    )
    assert sorted(str(cell["mean"]) for cell in cells) == ["None"] * 5 + ["inf"]
    rows = {row["name"]: row for row in printed("diff", study.results[0].id, odd.id)}
    assert (rows["gain"][odd.id[:12]], rows["gain"][study.results[0].id[:12]]) == ("inf", None)
    assert (rows["drift"][odd.id[:12]], rows["gain"]["difference"]) == ("nan", None)
    assert {row["knee"] for row in printed("knee", "sweeps/toy.toml")["knee"]} == {None}


READERS = (
    ("status", "sweeps/toy.toml"),
    ("plan", "sweeps/toy.toml"),
    ("table", "sweeps/toy.toml"),
    ("table", "results"),
    ("report", "sweeps/toy.toml", "--out", "../report.html"),
    ("plot", "sweeps/toy.toml", "curves", "--out", "../curves.png"),
    ("export", "sweeps/toy.toml", "--out", ".."),
    ("knee", "sweeps/toy.toml"),
    ("verify", "sweeps/toy.toml", "--no-train"),
    ("show", "RUN"),
    ("diff", "RUN", "OTHER"),
    ("logs", "RUN"),
)


def test_readers_write_nothing(study: Study, hpcsweep: Hpcsweep) -> None:
    """A verb that reads leaves the study as it is, to the times of its folders, while a worker elsewhere is at work."""
    ids = {"RUN": study.results[0].id, "OTHER": study.results[1].id}
    owner = {"worker": "1_0", "host": "node1", "machine": "elsewhere", "pid": 1}
    for trajectory in {run.trajectory for run in load_sweep(study.sweep).runs}:
        folder = study.store.folder(trajectory)
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.log(1).write_text("hello\n")
        folder.claim(1).write_text(json.dumps(owner))
    before = _times(study.sweep.parents[1])
    for words in READERS:
        done = hpcsweep(*(ids.get(word, word) for word in words))
        assert done.returncode == 0, done.stderr
        assert _times(study.sweep.parents[1]) == before, words


def _times(root: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in root.rglob("*")}


ODD_SWEEP = """
name = "odd"
job = "jobs/toy.py:train"
[grid]
layers = [2, 3]
optimizer = ["=1+1", "\\u001b[31mred\\u007f$x^$", "-plain"]
"""
SHOWN = (
    ("status", "sweeps/toy.toml"),
    ("status", "sweeps/toy.toml", "--json"),
    ("plan", "sweeps/toy.toml", "--all"),
    ("plan", "sweeps/toy.toml", "--csv"),
    *(("table", "results", "--format", name) for name in ("text", "md", "csv", "latex", "html", "json")),
    ("show", "RUN"),
    ("show", "RUN", "--json"),
    ("logs", "RUN"),
    ("plot", "sweeps/toy.toml", "curves", "--out", "curves.svg"),
    ("plot", "sweeps/toy.toml", "heatmap", "--out", "map.png"),
)


def test_no_terminal_and_no_spreadsheet_obeys_what_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escapes are shown as text by every verb and format; no cell is a formula, no dollar begins one in a figure."""
    study = make_study(tmp_path / "odd", sweep_text=ODD_SWEEP, missing=0)
    monkeypatch.chdir(tmp_path / "odd")
    odd = next(result for result in study.results if "red" in result.params["optimizer"])
    study.store.folder(odd.trajectory).log(1).write_text("\x1b]0;title\x07 10%\r20%\n")
    for words in SHOWN:
        with pytest.raises(SystemExit) as ended:
            main([odd.id if word == "RUN" else word for word in words])
        said = "".join(capsys.readouterr())
        assert ended.value.code == 0, said
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", said), words
        if "csv" in words[-1]:
            assert ",=" not in said
            assert ",'=1+1" in said
        if words[-1].endswith("json"):
            assert json.loads(said)
