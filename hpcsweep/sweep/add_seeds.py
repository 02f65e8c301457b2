"""More seeds for a sweep: its file is changed in this one place, and everything else in it stays as it was written."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hpcsweep.errors import UsageError
from hpcsweep.files import write_atomic
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.toml_problems import read_toml, validate


def add_seeds(path: str | Path, count: int) -> list[int]:
    """Write `count` more seeds into a sweep file, by its `repeats` or its `seeds`, and return them.

    Comments and layout stay. Raises SweepFileError if the file is wrong, UsageError if `count` is less than 1; then
    nothing is written.
    """
    import tomlkit

    if count < 1:
        raise UsageError(f"--add-seeds: found {count}, expected at least 1")
    path = Path(path).resolve()
    before = read_toml(path)
    seeds = list(validate(SweepFile, before, str(path)).all_seeds)
    added = list(range(max(seeds) + 1, max(seeds) + 1 + count))
    key, value = ("seeds", [*seeds, *added]) if "seeds" in before else ("repeats", len(seeds) + count)
    document = tomlkit.parse(path.read_bytes().decode())
    if key == "seeds":
        document["seeds"].extend(added)
    else:
        document["repeats"] = value
    text = tomlkit.dumps(document)
    if tomllib.loads(text) != {**before, key: value}:
        raise UsageError(f"{path}: its {key} cannot be changed in place; write {key} = {value} into it yourself")
    write_atomic(path, text.encode())
    return added
