"""Importing a study's modules from its snapshot, under their real names.

What a module says of itself (`__file__`, tracebacks) is where its file lies in the study, so that a job finds the files
beside it; what is run is the snapshot. Processes that a job starts by themselves (multiprocessing's spawn and
forkserver, joblib) find the modules by `sys.path`, on which the snapshot comes before the study.
"""

from __future__ import annotations

import importlib.util
import linecache
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path, PurePosixPath
from types import CodeType, ModuleType
from typing import Any


class SnapshotLoader(SourceFileLoader):
    """Loads a module whose file lies at `path` in the study from the text that the snapshot holds."""

    def __init__(self, name: str, path: str, text: bytes) -> None:
        super().__init__(name, path)
        self._text = text

    def get_data(self, path: str) -> bytes:
        """Return the snapshot's text; other files (of importlib.resources) are read where they are."""
        return self._text if path == self.path else super().get_data(path)

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """Refuse: the study's compiled modules are not those of the snapshot."""
        raise OSError("a snapshot has no compiled modules")

    def get_code(self, fullname: str) -> CodeType | None:
        """Compile, and show the lines of the snapshot in tracebacks, whatever the study's file has become."""
        text = importlib.util.decode_source(self._text)
        linecache.cache[self.path] = (len(text), None, text.splitlines(keepends=True), self.path)
        return super().get_code(fullname)


class SnapshotFinder(MetaPathFinder):
    """Finds the modules that a snapshot has; others are looked for as always."""

    def __init__(
        self, snapshot: Path, files: Mapping[str, bytes], study: Path, folders: Sequence[PurePosixPath]
    ) -> None:
        """`folders` of the snapshot are where top-level modules are looked for, from its root."""
        self._snapshot, self._files, self._study = snapshot, files, study
        self._top = [str(snapshot / folder) for folder in folders]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of the snapshot, None for any other."""
        inside = [entry for entry in path or self._top if Path(entry).is_relative_to(self._snapshot)]
        spec = PathFinder.find_spec(fullname, inside) if inside else None
        if spec is None:
            return None
        places = [self._both(place) for place in spec.submodule_search_locations or ()]
        packages = [place for pair in places for place in pair] if spec.submodule_search_locations is not None else None
        name = Path(spec.origin).relative_to(self._snapshot).as_posix() if spec.has_location and spec.origin else None
        if name is None:  # a folder without __init__.py
            found = ModuleSpec(fullname, None, is_package=True)
            found.submodule_search_locations = packages
            return found
        if name not in self._files:
            return None
        shown = str(self._study / name)
        loader = SnapshotLoader(fullname, shown, self._files[name])
        return spec_from_file_location(fullname, shown, loader=loader, submodule_search_locations=packages)

    def _both(self, folder: str) -> tuple[str, str]:
        """Return a package's folder in the snapshot, and the one in the study, for what only a run asks for."""
        return folder, str(self._study / Path(folder).relative_to(self._snapshot))


def import_from(snapshot: Path, files: Mapping[str, bytes], study: Path, job_file: str) -> None:
    """Have this process, and those that it will start, find the modules of `snapshot`, then those of the study."""
    folders = list(dict.fromkeys((PurePosixPath(job_file).parent, PurePosixPath())))
    places = [str(root / folder) for root in (snapshot, study) for folder in folders]
    sys.path[:0] = [place for place in dict.fromkeys(places) if place not in sys.path]
    if not any(isinstance(finder, SnapshotFinder) for finder in sys.meta_path):
        before = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)
        sys.meta_path.insert(before, SnapshotFinder(snapshot, files, study, folders))


def module_name(job_file: str) -> str | None:
    """Return the name under which the job's file can be imported, None if its path has dots that names cannot have."""
    path = PurePosixPath(job_file).with_suffix("")
    parts = (path.parent if path.name == "__init__" else path).parts
    return None if any("." in part for part in parts) else ".".join(parts)
