"""The files that a job is made of: its own, every module of the study that it imports, and what the sweep includes.

Modules are looked for where a worker would find them: in the job's folder, then in the study's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from hpcsweep.code.imports import Imported, imports_of
from hpcsweep.errors import JobError

INIT = "__init__.py"
_CACHE = "__pycache__"
_OURS = "hpcsweep"  # a library, of which the version counts, also where it lies in the study's folder


def files_of_job(root: Path, job: Sequence[str], include: Sequence[str] = ()) -> dict[str, bytes]:
    """Return the content of each file of a job, by its path from the study's folder `root`, with slashes, sorted.

    `job` has the paths of the job's own files from there: one of a function, those that a command names. `include` are
    patterns such as "configs/*.json" of further files.
    Raises JobError for a file that cannot be read, and for a pattern that names nothing in the study.
    """
    found: dict[str, bytes] = {}
    parents = [folder for file in job for folder in PurePosixPath(file).parents]
    above = [root / folder / INIT for folder in parents if (root / folder / INIT).is_file()]
    own = [root / file for file in job]
    waiting = [*own, *above, *(path for pattern in include for path in _included(root, pattern))]
    folders = list(dict.fromkeys([*(file.parent for file in own), root]))
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name in found:
            continue
        found[name] = _read(path)
        if path.suffix == ".py":
            waiting += [module for one in imports_of(found[name]) for module in _modules(one, path, folders, root)]
    return dict(sorted(found.items()))


def module_file(imported: Imported, by: Path, folders: Sequence[Path], root: Path) -> Path | None:
    """Return the file in the study of the module that an import in the file `by` names, None if it lies elsewhere."""
    if not imported.module and not imported.level:
        return None
    files = list(_modules(imported, by, folders, root))
    names = imported.module.split(".")[-1:]
    return next(
        (one for one in files[-1:] if not imported.module or one.stem in names or one.parent.name in names), None
    )


def _included(root: Path, pattern: str) -> list[Path]:
    right = 'a pattern of files in the study, such as "configs/*.json"'
    parts = PurePosixPath(pattern).parts
    try:
        named = sorted(root.glob(pattern)) if parts and parts[0] != "/" and ".." not in pattern else []
    except ValueError:  # such as "**.json" or a NUL
        named = []
    paths = [file for path in named for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    files = [path for path in paths if path.is_file() and _CACHE not in path.parts]
    if not files:
        raise JobError(f'code.include: found "{pattern}", which names no file in {root}, expected {right}')
    return files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise JobError(f"{path}: cannot be read ({error.strerror}), expected a file of the job's code") from None


def _modules(imported: Imported, by: Path, folders: Sequence[Path], root: Path) -> Iterator[Path]:
    """Give the files in the study that an import in the file `by` reads."""
    parts = imported.module.split(".") if imported.module else []
    if parts[:1] == [_OURS] and not imported.level:
        return
    bases = [by.parents[imported.level - 1]] if 0 < imported.level <= len(by.parents) else folders
    for base in bases:
        files, package = _walk(base, parts) if base.is_relative_to(root) else ([], None)
        if not files and package is None:
            continue
        yield from files
        if package is not None:
            yield from (path for name in imported.names for path in _walk(package, [name])[0])
        return


def _walk(base: Path, parts: Sequence[str]) -> tuple[list[Path], Path | None]:
    """Follow a dotted name down from the folder `base`: the files read on the way, and the package it ends at."""
    files: list[Path] = []
    for part in parts:
        folder, module = base / part, base / f"{part}.py"
        if (folder / INIT).is_file():
            files.append(folder / INIT)
            base = folder
        elif module.is_file():
            return [*files, module], None
        elif folder.is_dir() and part != _CACHE:
            base = folder
        else:
            return files, None
    return files, base
