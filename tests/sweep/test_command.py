"""Commands: their placeholders are parameters, their words go to the program as they are, and a shell only if asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsweep.errors import JobError
from hpcsweep.sweep.command import Command, command_of, parse_command
from hpcsweep.sweep.load import Sweep, load_sweep

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def test_parameters_are_the_placeholders_less_what_the_run_gives() -> None:
    """Each name once, in the order of the words; seed, id and folders are given by the run."""
    command = parse_command(["train", "--lr={lr}", "{depth}", "--again={lr}", "--seed={seed}", "{folder}"], shell=False)
    assert command.parameters == ("lr", "depth")


@given(TEXTS)
def test_a_value_reaches_the_program_as_it_is(text: str) -> None:
    """No space, quote, brace or dollar sign in a value is anything but text."""
    listed = parse_command(["train", "--text={text}", "{{}}"], shell=False)
    assert listed.filled({"text": text}, {}) == ["train", f"--text={text}", "{}"]


@settings(max_examples=30, deadline=None)
@given(TEXTS)
def test_a_value_is_nothing_but_text_to_a_shell(text: str) -> None:
    """A shell hands a value on as one argument, whatever it is made of."""
    words = parse_command("printf %s --text={text}; : {text}", shell=True).filled({"text": text}, {})
    said = subprocess.run(words, capture_output=True, check=True).stdout
    assert said == f"--text={text}".encode()


@pytest.mark.parametrize(
    "line", ["echo '{x}'", 'echo "{x}"', "echo `f {x}`", "echo \\{x}", "echo ${x}", "cat <<E\n{x}\nE"]
)
def test_where_a_shell_would_change_a_value_it_is_refused(line: str) -> None:
    """In quotes, or behind what the shell reads together with it, a value would not be what the table says."""
    with pytest.raises(JobError, match="expected it outside of quotes"):
        parse_command(line, shell=True)
    parse_command("echo 'a' \"b\" \\' {x} | awk '{{print $1}}'", shell=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (0.001, "0.001"), (1e-05, "1e-05"), (3, "3"), ("a b", "a b"), ([1, 2], "[1, 2]"), (None, "null")],
)
def test_values_are_written_exactly(value: object, text: str) -> None:
    """Numbers are written with the shortest digits that mean them, truth values and lists as in JSON."""
    assert Command(("x", "{v}")).filled({"v": value}, {})[1] == text  # type: ignore[dict-item]


@given(
    st.lists(TEXTS.filter(lambda text: not set(text) & set("{}")), min_size=1).filter(lambda words: words[0].strip())
)
def test_a_reference_means_its_command(words: list[str]) -> None:
    """What ids and manifests say of a command is the whole command."""
    for command in (Command(tuple(words)), Command((words[0],), shell=True)):
        assert command_of(command.reference) == command
    assert command_of("jobs/train.py:train") is None


def test_words_that_name_files_of_the_study_become_their_places(tmp_path: Path) -> None:
    """A script, a file behind `=` and a module after `-m` are found, in a shell's line too; other words stay."""
    for name in ("train.py", "a.yaml", "pkg/run.py", "with space.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    command = Command(("python", "./train.py", "--config=a.yaml", "-m", "pkg.run", "other.py", "{x}"))
    assert command.files(tmp_path) == ("train.py", "a.yaml", "pkg/run.py")
    places = {name: Path("/code", name) for name in command.files(tmp_path)}
    assert command.filled({"x": "train.py"}, places) == [
        "python", "/code/train.py", "--config=/code/a.yaml", "-m", "pkg.run", "other.py", "train.py",
    ]  # fmt: skip
    line = Command(("python train.py {x} > log",), shell=True)
    assert line.files(tmp_path) == ("train.py",)
    assert line.filled({"x": "1"}, {"train.py": Path("/a b/train.py")})[2:] == [
        "python '/a b/train.py' \"${1}\" > log", "sh", "1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "shell", "said"),
    [
        ("python train.py", False, "expected a list such as"),
        (["python"], True, "expected one line of text"),
        ([], False, "expected its name first"),
        (["  "], False, "expected its name first"),
        (["train", "{lr:.2f}"], False, "expected a plain name between braces"),
        (["train", "{0}"], False, "expected a plain name between braces"),
        (["train", "{lr!r}"], False, "expected a plain name between braces"),
        (["train", "{a.b}"], False, "expected a plain name between braces"),
        (["train", "{lr"], False, "for braces"),
        (["train", "a\0b"], False, "NUL"),
    ],
)
def test_what_is_no_command_is_refused(words: list[str] | str, shell: bool, said: str) -> None:
    """One line says what was found and what was expected."""
    with pytest.raises(JobError, match=said) as refused:
        parse_command(words, shell=shell)
    assert "\n" not in str(refused.value)


def sweep_of(folder: Path, text: str) -> Sweep:
    """Return the sweep of a file with this text beside train.py."""
    (folder / "train.py").write_text("import helper\n")
    (folder / "helper.py").touch()
    (folder / "s.toml").write_text(f'name = "s"\n{text}')
    return load_sweep(folder / "s.toml")


def test_the_values_say_the_types_of_parameters(tmp_path: Path) -> None:
    """Whole numbers among others are floats; a parameter has one type, wherever its values stand."""
    sweep = sweep_of(
        tmp_path,
        'command = ["python3", "train.py", "{a}", "{b}", "{c}", "{d}"]\n'
        "[grid]\na = [1, 0.5]\nb = [1, 2]\nc = [[1], [2]]\n[random]\nsamples = 1\nd = {low = 1, high = 9, int = true}",
    )
    assert [parameter.annotation for parameter in sweep.job.parameters] == [
        "float", "int", "a list of a string, number, bool, list or table", "int",
    ]  # fmt: skip
    assert [type(value) for value in sweep.runs[0].params.values()] == [float, int, list, int]


def test_ids_are_those_of_template_parameters_and_seed(tmp_path: Path) -> None:
    """Options and files are outside of the identity; the words of the command are in it."""
    text = 'command = ["python3", "train.py", "{a}"]\n[grid]\na = [1]\n'
    ids = [run.id for run in sweep_of(tmp_path, text).runs]
    assert [run.id for run in sweep_of(tmp_path, text + '[command_options]\ncsv = "log.csv"').runs] == ids
    assert [run.id for run in sweep_of(tmp_path, text.replace('{a}"', '--a={a}"')).runs] != ids


def test_the_code_is_what_the_command_names_and_that_imports(tmp_path: Path) -> None:
    """Modules of the study that a script imports belong to it."""
    assert list(sweep_of(tmp_path, 'command = ["python3", "train.py"]').code_files()) == ["helper.py", "train.py"]
