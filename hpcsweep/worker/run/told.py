"""What a job tells of its run besides its epochs: the part of `run` that keeps it for the result."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from hpcsweep.data.used import entry_of
from hpcsweep.errors import UsageError
from hpcsweep.worker.run.made_by import MadeBy


class Told:
    """Facts, arrays, files, and which data were used."""

    folder: Path
    made_by: MadeBy
    _facts: dict[str, Any]
    _arrays: dict[str, np.ndarray[Any, Any]]

    def record(self, **facts: Any) -> None:
        """Keep facts of this run, anything that JSON can hold, with its result."""
        for name, fact in facts.items():
            try:
                json.dumps(fact, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise UsageError(f"run.record: {name} is {fact!r}; expected what JSON can hold ({error})") from error
        self._facts.update(facts)

    def uses(self, *things: Any) -> None:
        """Say which data this run uses: paths of files and folders, `Data`, or arrays; their digests are recorded.

        What `load` and `fit` use is recorded by itself. Raises DataError for a path that is not there.
        """
        for thing in things:
            name = str(thing) if isinstance(thing, (str, Path)) else f"arrays {len(self.made_by.used)}"
            self.made_by.used[name] = entry_of(thing)

    def attach(self, **arrays: Any) -> None:
        """Keep arrays, such as a confusion matrix, with the result."""
        for name, value in arrays.items():
            array = np.asarray(value)
            if array.dtype.hasobject or "/" in name:
                raise UsageError(f"run.attach: {name} is not an array of numbers or strings, or its name has a slash")
            self._arrays[name] = array

    def keep(self, path: str | Path) -> Path:
        """Copy a file, or a folder with all that is in it, into `run.folder`, to be kept with the result.

        What was kept under the same name before, as by an attempt that this one goes on from, is replaced. What lies in
        `run.folder` is kept where it is. Raises OSError if there is no such file.
        """
        source = Path(path).resolve()
        self.folder.mkdir(exist_ok=True)
        if self.folder.resolve() in source.parents:
            source.stat()
            return source
        target = self.folder / source.name
        if not source.is_dir():
            return Path(shutil.copy2(source, target))
        shutil.rmtree(target, ignore_errors=True)
        return Path(shutil.copytree(source, target, dirs_exist_ok=True))

    @property
    def facts(self) -> dict[str, Any]:
        """What was recorded."""
        return dict(self._facts)

    @property
    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """What was attached."""
        return dict(self._arrays)
