"""What code a worker has really imported: the user's modules that its snapshot does not hold."""

from __future__ import annotations

import contextlib
import platform
import site
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path

from hpcsweep.code.version import CodeVersion, Parts, parts_of_file
from hpcsweep.worker.process.snapshot_import import SnapshotLoader

_LIBRARIES = ("site-packages", "dist-packages")
_SHOWN_VERSIONS = ("hpcsweep", "numpy", "keras", "tensorflow", "jax", "torch")


class ImportedCode:
    """Looks at the modules of this process, at each of them once."""

    def __init__(self, snapshot: CodeVersion, study: Path) -> None:
        self._snapshot, self._study = snapshot, study
        self._seen: set[str] = set()
        self._modules: dict[str, Parts] = {}
        self._paths: dict[str, str] = {}
        self._version = snapshot

    def version(self) -> CodeVersion:
        """Return what the code of this process means, as far as it is imported by now."""
        new = sys.modules.keys() - self._seen
        known = len(self._modules)
        for name in new:
            self._look(name)
        if len(self._modules) > known:
            self._version = CodeVersion(self._snapshot.files, dict(self._modules), dict(self._paths))
        self._seen.update(new)
        return self._version

    def from_study(self) -> list[str]:
        """Return the modules that were read from the study's folder as it was then, since no import named them."""
        return [name for name, path in self._paths.items() if Path(path).is_relative_to(self._study)]

    def _look(self, name: str) -> None:
        """Note a module if it is the user's and none of the snapshot's."""
        module = sys.modules.get(name)
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or isinstance(getattr(module, "__loader__", None), SnapshotLoader):
            return
        if name == "__main__" or _is_library(path):
            return
        with contextlib.suppress(OSError):  # a module of something that is no file
            self._modules[name] = parts_of_file(path, Path(path).read_bytes())
            self._paths[name] = path


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of what numbers depend on most, of those that are imported."""
    found = {"python": platform.python_version()}
    for name in _SHOWN_VERSIONS:
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            found[name] = version
    return found


def _is_library(path: str) -> bool:
    return path.startswith(_places()) or any(part in _LIBRARIES for part in Path(path).parts)


@lru_cache(maxsize=1)
def _places() -> tuple[str, ...]:
    """Return where no module of the user's lies: the standard library, what is installed, and hpcsweep itself."""
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += [*site.getsitepackages(), site.getusersitepackages(), str(Path(__file__).parents[2])]
    return tuple(str(Path(path)) + "/" for path in paths if path)
