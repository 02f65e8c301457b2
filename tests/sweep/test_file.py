"""Reading a sweep file: what is accepted, what it becomes, and the one line that each fault prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpcsweep.errors import HpcsweepError, JobError, SweepFileError
from hpcsweep.metrics import better
from hpcsweep.sweep.load import Sweep, load_sweep, sweep_json_schema

BAD = Path(__file__).parent / "bad_sweeps"
LINES = (BAD / "lines.txt").read_text(encoding="utf-8").splitlines()
JOB = """
from typing import Literal

def train(run, *, layers: int, optimizer: Literal["adam", "sgd"] = "adam", epochs: int = 10,
          learning_rate: float = 0.001, hidden: list[int] | None = None, note: str = "", extra=None):
    pass
"""


def study(folder: Path, text: str, name: str = "sweeps/s.toml") -> Path:
    """Write a study with one job and the sweep file `text`, and return the file's path."""
    (folder / "jobs").mkdir(exist_ok=True)
    (folder / "jobs" / "dense.py").write_text(JOB, encoding="utf-8")
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text('name = "s"\njob = "jobs/dense.py:train"\n' + text, encoding="utf-8")
    return path


def load(folder: Path, text: str) -> Sweep:
    """Return the sweep that `text` means for JOB."""
    return load_sweep(study(folder, text))


def column(sweep: Sweep, name: str) -> list[object]:
    """Return the values of one parameter, run by run."""
    return [run.params[name] for run in sweep.runs]


@pytest.mark.parametrize("line", LINES, ids=[line.split(":")[0].removeprefix("sweeps/") for line in LINES])
def test_bad_file_prints_its_line(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every bad sweep file is refused with exactly its line of lines.txt and exit code 2, and nothing is written."""
    monkeypatch.chdir(BAD)
    before = sorted(BAD.rglob("*"))
    with pytest.raises(HpcsweepError) as caught:
        load_sweep(Path(line.split(":")[0]))
    assert str(caught.value) == line
    assert caught.value.exit_code == 2
    assert sorted(BAD.rglob("*")) == before


def test_corpus_is_whole() -> None:
    """Each bad file has one line in lines.txt, and there are at least 40."""
    named = {line.split(":")[0] for line in LINES}
    assert {f"sweeps/{file.name}" for file in (BAD / "sweeps").glob("*.toml")} <= named
    assert len(LINES) == len(named) >= 40


def test_endless_brackets_are_one_line(tmp_path: Path) -> None:
    """Brackets nested too deep to parse are refused in a short line, not with a traceback."""
    with pytest.raises(SweepFileError, match="expected TOML such as") as caught:
        load(tmp_path, "[grid]\nlayers = " + "[" * 100_000)
    assert len(str(caught.value).removeprefix(str(tmp_path))) < 300


def test_number_of_thousands_of_digits_is_one_line(tmp_path: Path) -> None:
    """A number too long for Python to read is refused in a short line."""
    with pytest.raises(SweepFileError, match="expected TOML such as"):
        load(tmp_path, "[grid]\nlayers = [" + "9" * 5000 + "]")


GOOD = b"""name = "s"
job = "jobs/dense.py:train"
seeds = [0, 1]
[fixed]
note = "x"
[grid]
layers = [1, 2]
[vary]
optimizer = ["adam", "sgd"]
[random]
samples = 2
learning_rate = {low = 1e-4, high = 0.1, log = true}
[[exclude]]
layers = 2
seed = 1
[resources]
time = "00:30:00"
"""
WORDS = [
    b"",
    b"=",
    b"[",
    b"]",
    b"{",
    b'"',
    b"\n",
    b"-",
    b"0",
    b"nan",
    b"true",
    b"grid",
    b"\xff",
    b"[[case]]\n",
    b"1e400",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), st.sampled_from(WORDS)), max_size=3))
def test_any_damage_is_refused_in_one_line(tmp_path: Path, edits: list[tuple[int, int, bytes]]) -> None:
    """However a sweep file is damaged, it is either read or refused in one printable line, never with a traceback."""
    text = GOOD
    for start, length, word in edits:
        text = text[:start] + word + text[start + length :]
    path = study(tmp_path, "")
    path.write_bytes(text)
    line = f"{path}: "
    try:
        load_sweep(path)
    except HpcsweepError as error:
        line = str(error)
    assert line.isprintable()
    assert line.startswith(f"{path}: ")


def test_ints_become_floats(tmp_path: Path) -> None:
    """An int given for a float parameter reaches the job as a float."""
    sweep = load(tmp_path, "[fixed]\nlayers = 2\n[grid]\nlearning_rate = [1, 0.5]\n")
    assert column(sweep, "learning_rate") == [1.0, 0.5]
    assert all(type(value) is float for value in column(sweep, "learning_rate"))


def test_none_is_written_as_a_word(tmp_path: Path) -> None:
    """The string "none" is None for a parameter that takes None, and itself for one that takes strings."""
    sweep = load(tmp_path, '[fixed]\nlayers = 2\nnote = "none"\n[grid]\nhidden = ["none", [8, 8]]\n')
    assert column(sweep, "hidden") == [None, [8, 8]]
    assert column(sweep, "note") == ["none", "none"]


def test_unannotated_parameter_takes_any_plain_value(tmp_path: Path) -> None:
    """A parameter without an annotation takes every TOML value but tables and dates, as it is."""
    sweep = load(tmp_path, '[fixed]\nlayers = 2\n[grid]\nextra = [2, 3.0, true, "1", [1, [2]]]\n')
    assert [repr(value) for value in column(sweep, "extra")] == ["2", "3.0", "True", "'1'", "[1, [2]]"]


def test_every_run_has_all_parameters(tmp_path: Path) -> None:
    """A run's params are all parameters of the job in its order, defaults filled in."""
    sweep = load(tmp_path, "[grid]\nepochs = [5]\nlayers = [2]\n")
    assert list(sweep.runs[0].params.items()) == [
        ("layers", 2),
        ("optimizer", "adam"),
        ("epochs", 5),
        ("learning_rate", 0.001),
        ("hidden", None),
        ("note", ""),
        ("extra", None),
    ]


@pytest.mark.parametrize(("text", "seeds"), [("", [0]), ("repeats = 3\n", [0, 1, 2]), ("seeds = [7, 2]\n", [7, 2])])
def test_seeds(tmp_path: Path, text: str, seeds: list[int]) -> None:
    """The seeds are 0, 1, ... for repeats, those listed for seeds, and 0 if nothing is said."""
    assert [run.seed for run in load(tmp_path, text + "[fixed]\nlayers = 2\n").runs] == seeds


def test_duplicates_are_merged_and_said(tmp_path: Path) -> None:
    """A point given twice is one run, and a note says how many were merged."""
    sweep = load(tmp_path, "[grid]\nlayers = [2, 2, 3]\n[[case]]\nlayers = 3\n")
    assert column(sweep, "layers") == [2, 3]
    assert sweep.notes == ["merged 2 duplicate runs: each distinct run is trained once"]


def test_exclude_drops_what_matches_all_keys(tmp_path: Path) -> None:
    """An exclude drops the runs that match all its keys, the seed among them."""
    text = 'repeats = 2\n[grid]\nlayers = [2, 3]\noptimizer = ["adam", "sgd"]\n'
    sweep = load(tmp_path, text + '[[exclude]]\nlayers = 3\noptimizer = "sgd"\n[[exclude]]\nlayers = 2\nseed = 1\n')
    assert [(run.params["layers"], run.params["optimizer"], run.seed) for run in sweep.runs] == [
        (2, "adam", 0),
        (2, "sgd", 0),
        (3, "adam", 0),
        (3, "adam", 1),
    ]
    assert sweep.notes == []


def test_exclude_without_effect_is_said(tmp_path: Path) -> None:
    """An exclude that matches no run is a note, not an error."""
    sweep = load(tmp_path, "[grid]\nlayers = [2]\n[[exclude]]\nlayers = 2\nseed = 5\n")
    assert sweep.notes == ["exclude #1 matches no run: it has no effect"]


def test_exclude_tells_one_from_true(tmp_path: Path) -> None:
    """An exclude matches values of the same type only: 1 is not true."""
    sweep = load(tmp_path, "[fixed]\nlayers = 2\n[grid]\nextra = [1, true]\n[[exclude]]\nextra = true\n")
    assert column(sweep, "extra") == [1]


def test_max_runs_is_counted_not_expanded(tmp_path: Path) -> None:
    """A space of 10^18 runs is refused at once, naming the option that would allow it."""
    with pytest.raises(SweepFileError, match=r"expected at most 5 .type --max-runs 10{18} if"):
        load_sweep(
            study(
                tmp_path,
                f"repeats = {10**9}\n[fixed]\nlayers = 2\n[random]\nsamples = {10**9}\n"
                "learning_rate = {low = 0, high = 1}\n",
            ),
            max_runs=5,
        )


def test_max_runs_can_be_raised(tmp_path: Path) -> None:
    """`max_runs` decides what is too many."""
    path = study(tmp_path, "[grid]\nlayers = [1, 2, 3]\n")
    assert len(load_sweep(path, max_runs=3).runs) == 3
    with pytest.raises(SweepFileError, match="found 3 of them, expected at most 2"):
        load_sweep(path, max_runs=2)


def test_resources_lie_over_the_profile(tmp_path: Path) -> None:
    """[resources] replaces the profile's settings of the same names and leaves the others."""
    path = study(tmp_path, 'profile = "lab"\n[fixed]\nlayers = 2\n[resources]\ntime = "1-00:30:00"\nworkers = "each"\n')
    path.write_text(path.read_text() + 'workers_per_gpu = "auto"\n')
    (tmp_path / "jobs" / "profiles").mkdir()
    (tmp_path / "jobs" / "profiles" / "lab.toml").write_text('scheduler = "slurm"\ntime = 30\ngpus = 2\n')
    profile = load_sweep(path).profile
    assert (profile.name, profile.scheduler, profile.gpus) == ("lab", "slurm", 2)
    assert (profile.time_s, profile.workers, profile.workers_per_gpu) == (88200, "each", "auto")
    assert load_sweep(path, profile="local").profile.scheduler == "local"


def test_job_options_sections_are_read(tmp_path: Path) -> None:
    """Training, stop, on_divergence and table reach the sweep as given."""
    sweep = load(
        tmp_path,
        '[fixed]\nlayers = 2\n[training]\nengine = "compiled"\n[stop]\nmetric = "val_loss"\npatience = 3\n'
        '[on_divergence]\nhalve = "learning_rate"\n[table]\nrows = ["layers"]\nvalue = ["max_val_accuracy"]\n',
    )
    assert (sweep.engine, sweep.training.isolation) == ("compiled", "worker")
    assert sweep.stop is not None
    assert (sweep.stop.metric, sweep.stop.patience) == ("val_loss", 3)
    assert sweep.stop.mode == "min"
    assert sweep.on_divergence is not None
    assert (sweep.on_divergence.halve, sweep.on_divergence.times) == ("learning_rate", 5)
    assert sweep.table is not None
    assert (sweep.table.rows, sweep.table.value) == (["layers"], ["max_val_accuracy"])


def test_directions_are_what_the_file_says(tmp_path: Path) -> None:
    """[metrics], and the `mode` of [stop], say which way metrics are better; the schema knows the section."""
    sweep = load(
        tmp_path,
        '[fixed]\nlayers = 2\n[stop]\nmetric = "val_score"\npatience = 3\nmode = "max"\n[metrics]\nval_dice = "max"\n',
    )
    assert sweep.directions == {"val_score": "max", "val_dice": "max"}
    assert sweep_json_schema()["properties"]["metrics"]["additionalProperties"]["enum"] == ["max", "min"]


@pytest.mark.parametrize("name", ["sweeps/s.toml", "sweeps/more/s.toml", "s.toml", "Ünï cödé 'x'/sweeps/s.toml"])
def test_root_is_where_the_job_is(tmp_path: Path, name: str) -> None:
    """The study's folder is the nearest one above the sweep file in which the job's path exists."""
    assert load_sweep(study(tmp_path, "[fixed]\nlayers = 2\n", name)).root == tmp_path


def test_relative_path_finds_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep named by a relative path with `..` in it has the same study's folder."""
    study(tmp_path, "[fixed]\nlayers = 2\n")
    monkeypatch.chdir(tmp_path / "jobs")
    assert load_sweep(Path("../sweeps/s.toml")).root == tmp_path


def test_missing_job_is_looked_for_beside_sweeps(tmp_path: Path) -> None:
    """If the job is nowhere, the folder above sweeps/ is taken for the study's, and its jobs are suggested."""
    path = study(tmp_path, "[fixed]\nlayers = 2\n")
    path.write_text(path.read_text().replace("jobs/dense.py", "jobs/dens.py"))
    with pytest.raises(JobError, match=r'did you mean "jobs/dense\.py"'):
        load_sweep(path)


def test_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    """A file saved by a Windows editor (byte order mark, CRLF) is read like any other."""
    path = study(tmp_path, "[grid]\nlayers = [2, 3]\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert column(load_sweep(path), "layers") == [2, 3]


def test_schema_describes_every_key() -> None:
    """The JSON Schema for editors is JSON, names all sections, and says a sentence of every key."""
    schema = json.loads(json.dumps(sweep_json_schema()))
    assert {"grid", "zip", "vary", "case", "exclude", "random", "resources"} <= set(schema["properties"])
    assert "continue" in schema["$defs"]["Resources"]["properties"]
    for table in (schema, *schema["$defs"].values()):
        assert [key for key, entry in table["properties"].items() if not entry.get("description")] == []


def test_directions_hold_in_the_phases_of_the_job(tmp_path: Path) -> None:
    """What [metrics] says of a metric is known of its columns in every phase that the job names."""
    path = study(tmp_path, '[fixed]\nepochs = 3\n[metrics]\ndice = "max"\n')
    job = 'fit(run, a, x, phase="head")\n    fit(run, a, x, phase="fine")\n'
    text = f"from hpcsweep.training import fit\n\ndef train(run, *, epochs: int):\n    {job}"
    (tmp_path / "jobs" / "dense.py").write_text(text)
    assert better("max_fine_val_dice", load_sweep(path).directions) == "max"
    assert better("max_other_val_dice", load_sweep(path).directions) is None
