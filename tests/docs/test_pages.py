"""The documentation: what it tells a reader to do works, and what it says of the program is so."""

from __future__ import annotations

import inspect
import re
import runpy
import tomllib
from pathlib import Path

import pytest

from hpcsweep.store import layout, task_files
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.load import load_sweep
from tests.conftest import REPOSITORY
from tests.docs.session import Session, blocks

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
GENERATED = runpy.run_path(str(REPOSITORY / "docs" / "generated.py"))
LAYOUT = layout.Layout(Path())
SUBMISSION = LAYOUT.submission("sweep", "submission")
FOLDERS = [LAYOUT, LAYOUT.trajectory("0" * 64), SUBMISSION, task_files.SlurmFiles(SUBMISSION)]
ABOVE = {"store_root", "path"}  # folders that hold these, and no names in them
PLACEHOLDERS = {
    "generation": "<n>",
    "time": "<time>",
    "letters": "<letters>",
    "sweep": "<name>",
    "number": "<k>",
    "epoch": "<epoch>",
    "run_id": "<run id>",
    "digest": "<digest>",
    "own_digest": "<digest>",
    "version": "<n>",
    "task": "<task>",
    "restart": "<n>",
    "token": "<token>",
    "code": "<code>",
    "data": "<data>",
    "before": "<before>",
    "now": "<now>",
}
TUTORIAL = REPOSITORY / "docs" / "tutorial"
CONTINUED = {TUTORIAL / "reading-results.md": TUTORIAL / "first-sweep.md"}  # in the folder that the other page made
ON_A_CLUSTER = {TUTORIAL / "on-a-cluster.md", TUTORIAL / "first-hour-on-rosie.md"}  # see tests/slurm/test_tutorial.py
ELSEWHERE = {*CONTINUED, *ON_A_CLUSTER}
PAGE_NAMES = [str(page.relative_to(REPOSITORY)) for page in PAGES]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE], ids=lambda page: page.name)
def test_what_a_page_says_works(page: Path, tmp_path: Path) -> None:
    """A reader who writes the files of a page and types its commands sees what the page shows."""
    session = Session(tmp_path)
    for read in (page, *(after for after, before in CONTINUED.items() if before == page)):
        session.follow(read)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page is a file of the repository."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_what_the_program_writes_into_a_page_is_new(page: Path) -> None:
    """The help of the verbs, the keys of sweep files and the names of a store's files are those of today."""
    assert page.read_text() == GENERATED["fill"](page.read_text()), "type: make docs"


def test_every_key_and_name_has_its_page() -> None:
    """The pages show all that the program could write into them: no section of a sweep file is left out."""
    pages = "".join(page.read_text() for page in PAGES)
    for part in GENERATED["PARTS"]:
        assert f"<!-- from the program: {part} -->" in pages


def test_the_example_of_every_section_shows_every_section() -> None:
    """The reference's first two sweep files, of a job and of a command, have every key that one may have at its top."""
    job, command = blocks(REPOSITORY / "docs" / "reference" / "sweep-files.md")[:2]
    shown = {*tomllib.loads(job.text), *tomllib.loads(command.text), "seeds"}
    assert shown >= {field.alias or name for name, field in SweepFile.model_fields.items()}


def test_the_sweep_file_of_the_readme_is_the_quickstart() -> None:
    """The README shows sweeps/quickstart.toml as it is, but for its comments and its table."""
    [example] = [block for block in blocks(REPOSITORY / "README.md") if block.language == "toml"]
    real = tomllib.loads((REPOSITORY / "sweeps" / "quickstart.toml").read_text())
    del real["table"]
    assert tomllib.loads(example.text) == real


@pytest.mark.parametrize("path", sorted((REPOSITORY / "sweeps").glob("*.toml")), ids=lambda path: path.name)
def test_every_sweep_file_of_the_repository_plans(path: Path) -> None:
    """What we ship is read without a warning."""
    assert load_sweep(path).notes == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: type(folder).__name__)
def test_every_name_of_a_store_is_in_the_docstring(folder: object) -> None:
    """Each path that the owners of file names make is named where the page about the store takes its names from."""
    listed = f"{layout.__doc__}{task_files.__doc__}"
    for name, of in inspect.getmembers(type(folder)):
        makes = of.fget if isinstance(of, property) else of
        signature = inspect.signature(makes) if inspect.isfunction(makes) else None
        if signature is not None and signature.return_annotation == "Path" and name not in ABOVE:
            given = [PLACEHOLDERS[parameter] for parameter in list(signature.parameters)[1:]]
            assert makes is not None
            assert makes(folder, *given).name in listed


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    """A file of the package or of its tests that a page names is there: whoever moves one mends the page."""
    named = re.findall(r"`((?:hpcsweep|tests|docs|benchmarks)/[\w./-]*)`", page.read_text())
    assert [path for path in named if not (REPOSITORY / path).exists()] == []


def test_the_architecture_shows_the_layers_that_are_checked() -> None:
    """The order of the rooms on the page is that of the import contract, less what may be missing or is to go."""
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract.get("containers") == ["hpcsweep"]]
    rooms = [set(re.findall(r"(?<!\()\b\w+\b", layer)) - {"scheduler"} for layer in layers]
    page = REPOSITORY / "docs" / "architecture.md"
    [shown] = [block for block in blocks(page) if block.language == "text"]
    assert [set(line.split()) for line in shown.text.splitlines()] == [layer for layer in rooms if layer]
