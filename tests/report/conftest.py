"""A small study with results in its store, the browser, and reports of three sizes."""

from pathlib import Path

import pytest

from hpcsweep.report import write_report
from tests.made_results import make_store, study
from tests.made_sweeps import made_sweep
from tests.report.browsing import browser

SIZES = (48, 864, 5000)
__all__ = ["browser", "make_store", "study"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reports lie that several tests look at."""
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="session")
def paths(folder: Path) -> dict[int, Path]:
    """A report of each size."""
    return {runs: write_report(made_sweep(runs), folder / f"{runs}.html") for runs in SIZES}
