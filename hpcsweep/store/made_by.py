"""By what results were made: versions of code and sets of data, each kept once under its digest.

The name of an empty file beside a trajectory's results says by which code and data an attempt works, so that a plan
of a hundred thousand runs opens no result to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcsweep.code.version import CodeVersion
from hpcsweep.errors import StoreError
from hpcsweep.files import canonical_json, publish, sha256_hex
from hpcsweep.store.layout import Layout
from hpcsweep.store.reader import read_record, record_bytes
from hpcsweep.store.trajectory_folder import MADE, SHORT, TrajectoryFolder

NO_DATA = "0" * 64
"""The digest of having used no data that we know of."""
DATA_FORMAT = 2  # the first had the names of the data beside each other, with no format
UNKNOWN = "unknown"
"""The code of results of an earlier release, which did not record it."""


@dataclass(frozen=True)
class Made:
    """The beginnings of the digests of the code and the data of an attempt."""

    code: str
    data: str


def made_by_generation(names: Iterable[str]) -> dict[int, Made]:
    """Return by what each attempt at a trajectory worked, of those that say so, from the names in its folder."""
    matches = (MADE.fullmatch(name) for name in sorted(names))
    return {int(match[1]): Made(match[2], match[3]) for match in matches if match}


def mark_made(folder: TrajectoryFolder, generation: int, name: str) -> None:
    """Say in the trajectory's folder by which code and data this attempt works."""
    path = folder.path / name
    if not path.exists():
        for name, made in ((name, MADE.fullmatch(name)) for name in folder.names()):
            if made and int(made[1]) == generation:  # data that became known after the first checkpoint
                (folder.path / name).unlink(missing_ok=True)
        path.touch()


def keep_version(layout: Layout, version: CodeVersion) -> None:
    """Keep what a version of the code means, unless that is kept already."""
    _keep(layout.version(version.sha256), version.to_json())


def read_version(layout: Layout, beginning: str) -> CodeVersion | None:
    """Return the version whose digest begins so, None if the store has none."""
    for path in layout.versions.glob(f"{beginning}*.json"):
        try:
            return CodeVersion.from_json(read_record(path))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{path}: damaged ({error}); expected a version of a job's code") from error
    return None


def data_digest(used: dict[str, Any]) -> str:
    """Return the digest of the data that a run used: of their contents, not of where they lie."""
    if not used:
        return NO_DATA
    return sha256_hex(canonical_json({name: entry["sha256"] for name, entry in used.items()}).encode())


def telling(used: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data by which runs are judged: what comes from files, or all if nothing does.

    Arrays that a job makes of files are the code's affair.
    """
    files = {name: entry for name, entry in used.items() if "files" in entry}
    return files or dict(used)


def keep_data(layout: Layout, used: dict[str, Any]) -> None:
    """Keep which data were used, unless that is kept already."""
    if used:
        _keep(layout.used_data(data_digest(used)), {"used": used}, DATA_FORMAT)


def read_data(layout: Layout, beginning: str) -> dict[str, Any]:
    """Return the data whose digest begins so; none if the store does not know them."""
    for path in layout.datasets.glob(f"{beginning}*.json"):
        record = read_record(path, DATA_FORMAT)
        used = record["used"] if "format" in record else record
        if not isinstance(used, dict):
            raise StoreError(f"{path}: damaged; expected the data that a run used")
        return used
    return {}


def accept(layout: Layout, before: str, now: str, facts: dict[str, Any]) -> None:
    """Write down that results of the code (or data) `before` stand for `now` as well."""
    _keep(layout.kept_as(before, now), facts)


def is_accepted(layout: Layout, before: str, now: str) -> bool:
    """Whether somebody said that results of the code (or data) `before` stand for `now` as well."""
    return layout.kept_as(before, now).exists()


def short(digest: str) -> str:
    """Return the beginning of a digest that stands in names."""
    return digest[:SHORT]


def _keep(path: Path, value: dict[str, Any], format: int = 1) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        publish(path, record_bytes(value, format, indent=1))
