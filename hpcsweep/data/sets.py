"""All data sets by name: what there is, fetching the published ones, and whether they are well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hpcsweep.data.catalogue import CATALOGUE, Published, published
from hpcsweep.data.fetch import fetch
from hpcsweep.data.folder import Verdict, data_folder, data_folders, find, judge
from hpcsweep.errors import NothingSelectedError, UsageError, to_type

BUILT_IN = {
    "digits": "scikit-learn's 1,797 real handwritten digits, 8x8",
    "shapes": "circles, squares and triangles drawn with scikit-image, as many as asked for",
    "sine": "points of sin(x), for regressions",
    "synthetic": "random images of MNIST's shape, for benchmarks",
}


@dataclass(frozen=True)
class Listed:
    """A data set by name, what it is, and whether it is built in, there, or to be fetched."""

    name: str
    what: str
    state: str


def list_data(folder: str | Path | None = None) -> list[Listed]:
    """Return all data sets, and whether the published ones are there.

    They are looked for in `folder` alone if it is given, else in the data folder (HPCSWEEP_DATA, or data/ in the
    working folder) and where people keep them elsewhere (/data, say, or Keras's folder).
    """
    places = data_folders(folder)
    listed = [Listed(name, what, "built in") for name, what in BUILT_IN.items()]
    for one in CATALOGUE.values():
        found = find(one, *places)
        at = "" if found is None or found.paths[0].is_relative_to(places[0]) else f", {found.paths[0].parent}"
        state = f"there ({found.form}{at})" if found else f"not there; {one.megabytes} MB"
        listed.append(Listed(one.name, one.title, state))
    return listed


def fetch_data(
    *names: str, folder: str | Path | None = None, say: Callable[[str], None] = lambda line: None
) -> list[Path]:
    """Fetch published data sets into the data folder, checksummed, and return their files.

    Files that are there and well are left alone; a broken download goes on where it stopped. Raises UsageError for a
    name that cannot be fetched, DataError if the folder cannot be written or no mirror has the files.
    """
    paths: list[Path] = []
    for one in [_to_fetch(name) for name in names]:
        say(f"{one.title} ({one.megabytes} MB, {one.licence})")
        paths += fetch(one, data_folder(folder), report=say)
    return paths


def check_data(*names: str, folder: str | Path | None = None) -> dict[str, Verdict]:
    """Return by name what is wrong with data sets, and whether their content could be compared with the published one.

    Without names: all that are there; NothingSelectedError if there are none. They are looked for as in `list_data`.
    """
    places = data_folders(folder)
    chosen = [_to_fetch(name) for name in names] or [each for each in CATALOGUE.values() if find(each, *places)]
    if not chosen:
        raise NothingSelectedError(
            f"{places[0]}: holds no published data set; type: {to_type('data', 'fetch', 'mnist', '--data', places[0])}"
        )
    return {one.name: judge(one, *places) for one in chosen}


def _to_fetch(name: str) -> Published:
    if name in BUILT_IN:
        raise UsageError(f"{name}: ships with hpcsweep or is generated; there is nothing to fetch or check")
    return published(name)
