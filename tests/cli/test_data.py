"""`hpcsweep data`: what it prints, its exit codes, and that its help needs nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpcsweep.cli import main
from hpcsweep.data.catalogue import CATALOGUE
from hpcsweep.data.load import BUILTIN
from tests.data.writing import write_digit_csv

HEAVY = ("tensorflow", "keras", "pandas", "matplotlib", "pooch", "sklearn", "skimage")


def run(*arguments: str) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["data", *arguments])
    return int(ended.value.code or 0)


def put_mnist(folder: Path, labels: int = 14) -> None:
    """Put a small MNIST, as a contest's CSV, into the data folder."""
    (folder / "mnist").mkdir(parents=True)
    images = np.zeros((14, 28, 28), np.uint8)
    write_digit_csv(folder / "mnist" / "train.csv", images, np.arange(14) % labels)


def test_list_says_what_is_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Built-in sets need nothing, published ones are there in a form or have a size to download."""
    put_mnist(tmp_path)
    assert run("list", "--data", str(tmp_path)) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["digits"].endswith("built in")
    assert lines["mnist"].endswith("there (CSV)")
    assert lines["kmnist"].endswith("not there; 21 MB")
    assert run("list", "--json", "--data", str(tmp_path)) == 0
    assert {row["name"] for row in json.loads(capsys.readouterr().out)["data"]} == set(lines)
    assert set(lines) == {*BUILTIN, *CATALOGUE}


def test_check_exits_with_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Damaged, other or absent is 2, nothing there is 3."""
    assert run("check", "--data", str(tmp_path)) == 3
    put_mnist(tmp_path)
    assert run("check", "--data", str(tmp_path)) == 2  # labels 10 to 13
    assert "expected labels from 0 to 9" in capsys.readouterr().out
    (tmp_path / "mnist" / "train.csv").unlink()
    (tmp_path / "mnist").rmdir()
    put_mnist(tmp_path, labels=10)
    assert run("check", "--data", str(tmp_path), "mnist") == 2
    assert "holds 12 training images that are not those of mnist as published (60000)" in capsys.readouterr().out
    assert run("check", "--data", str(tmp_path), "kmnist") == 2
    assert "hpcsweep data fetch kmnist" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "message"),
    [("minst", 'did you mean "mnist"'), ("digits", "nothing to fetch or check")],
)
def test_unknown_names_are_told(name: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name gets the nearest one, a built-in set is told to need no fetching; the exit code is 2."""
    assert run("fetch", name) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_the_profile_names_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--profile takes the folder of that profile, --data wins over it."""
    put_mnist(tmp_path / "there", labels=10)
    profiles = tmp_path / "jobs" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "far.toml").write_text(f'data = "{tmp_path / "there"}"\n')
    monkeypatch.chdir(tmp_path)
    assert run("list", "--profile", "far") == 0
    assert "there (CSV)" in capsys.readouterr().out
    assert run("check", "--profile", "far", "--data", str(tmp_path)) == 3
    capsys.readouterr()


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["fetch", "--help"]])
def test_help_and_list_import_nothing_heavy(arguments: list[str]) -> None:
    """Looking around takes no TensorFlow, pandas, matplotlib, pooch, scikit-learn or scikit-image."""
    code = (
        "import sys\nfrom hpcsweep.cli import main\n"
        f"try:\n    main(['data', *{arguments!r}])\n"
        f"finally:\n    print(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.endswith("[]\n")
