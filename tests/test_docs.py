"""The documentation: its examples are read by the program, its links lead somewhere, its names are real."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from hpcsweep.store.layout import Layout
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.load import load_sweep
from tests.conftest import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language on a page."""
    return [text for kind, text in FENCE.findall(page.read_text()) if kind == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page is a file of the repository."""
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_example_of_every_section_is_a_valid_sweep_file() -> None:
    """The sweep file of docs/sweep-files.md has the shape that the program reads, and shows every section."""
    example = tomllib.loads(blocks(REPOSITORY / "docs" / "sweep-files.md", "toml")[0])
    SweepFile.model_validate(example)
    shown = {*example, "seeds"}
    assert shown >= {field.alias or name for name, field in SweepFile.model_fields.items()}


def test_the_sweep_file_of_the_readme_is_the_quickstart() -> None:
    """The README shows sweeps/quickstart.toml as it is, but for its comments and its table."""
    shown = tomllib.loads(blocks(REPOSITORY / "README.md", "toml")[0])
    real = tomllib.loads((REPOSITORY / "sweeps" / "quickstart.toml").read_text())
    del real["table"]
    assert shown == real


def test_the_readme_has_no_blank_left() -> None:
    """Every output that the README shows was filled in."""
    assert not re.search(r"@[A-Z]+@", (REPOSITORY / "README.md").read_text())


@pytest.mark.parametrize("path", sorted((REPOSITORY / "sweeps").glob("*.toml")), ids=lambda path: path.name)
def test_every_sweep_file_of_the_repository_plans(path: Path) -> None:
    """What we ship is read without a warning."""
    assert load_sweep(path).notes == []


def test_the_store_is_described_as_it_is() -> None:
    """Every name that the store's layout makes is on the page about the store."""
    page = (REPOSITORY / "docs" / "store.md").read_text()
    folder = Layout(Path()).trajectory("0" * 64)
    for path in (folder.meaning, folder.progress, Layout(Path()).format):
        assert path.name in page
