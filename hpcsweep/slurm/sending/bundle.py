"""The worker bundle: what a compute node needs beside NumPy and what jobs import, packed from this installation.

One zip file of pure Python, from which Python imports as from a folder: our worker half, and submitit with what it
needs. It lies in the store under the digest of its content, so that nothing is installed on a node or in an image, and
the two halves are always of one version.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from hpcsweep.files import publish, sha256_hex
from hpcsweep.store.layout import Layout

WORKER_HALF = (
    "__init__.py", "errors.py", "files.py", "home.py", "machine.py", "metrics.py", "run_notes.py",
    "code", "data", "frameworks", "halving", "store", "suggest", "training", "worker",
    "slurm/__init__.py", "slurm/commands.py", "slurm/terms.py", "slurm/text.py", "slurm/on_node", "slurm/watching",
    "slurm/asking/__init__.py", "slurm/asking/probe.py",
    "sweep/__init__.py", "sweep/choices.py", "sweep/command.py", "sweep/containers.py", "sweep/runs.py",
    "sweep/search.py", "sweep/value_types.py",
)  # fmt: skip
"""Files and folders of the package that a worker imports; they run with Python 3.9 or newer."""
LOGIN_HALF = (
    "halving/audit.py", "halving/expected.py", "halving/of_sweep.py", "halving/words.py", "store/opening.py",
    "suggest/of_sweep.py", "suggest/words.py",
)  # fmt: skip
"""Those of these folders that only a login node imports."""
COMPANIONS = ("submitit", "cloudpickle", "typing_extensions")
"""What starts a worker: pure Python, of the versions that are installed here."""

# Under Python 3.9, submitit 1.5 fails where no package at all names a plug-in of it: this names one that it has anyway.
_PLUG_IN = {
    "hpcsweep_bundle-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: hpcsweep-bundle\nVersion: 1\n",
    "hpcsweep_bundle-1.dist-info/entry_points.txt": "[submitit]\nexecutor = submitit.local.local:LocalExecutor\n",
}
_PACKAGE = Path(__file__).parents[2]
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip file can hold: equal content gives equal bytes


def bundled_files() -> dict[str, Path]:
    """Return the files of the bundle by their names in it, sorted."""
    ours = (path for name in WORKER_HALF for path in _python_files(_PACKAGE / name))
    left_out = {_PACKAGE / name for name in LOGIN_HALF}
    found = {path.relative_to(_PACKAGE.parent).as_posix(): path for path in ours if path not in left_out}
    found |= {name: path for companion in COMPANIONS for name, path in _files_of(companion)}
    return dict(sorted(found.items()))


@lru_cache(maxsize=1)
def pack() -> bytes:
    """Return the bundle of this installation."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        texts = {name: path.read_bytes() for name, path in bundled_files().items()}
        for name, text in (texts | _PLUG_IN).items():
            bundle.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def bundle_path(layout: Layout) -> Path:
    """Return where this installation's bundle lies in a store, or will lie."""
    return layout.bundle(sha256_hex(pack()))


def keep_bundle(layout: Layout) -> Path:
    """Put this installation's bundle into a store, unless it is there; return its path."""
    path = bundle_path(layout)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        publish(path, pack())
    return path


def _python_files(path: Path) -> Iterator[Path]:
    yield from [path] if path.is_file() else path.rglob("*.py")


def _files_of(distribution: str) -> Iterator[tuple[str, Path]]:
    for file in metadata.files(distribution) or ():
        if file.suffix == ".py" and ".." not in file.parts and "test" not in file.parts[1:]:
            yield file.as_posix(), Path(str(file.locate()))
