"""What doctor asks about a place: can Python, Keras and the store be used here? A node runs it as a module."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from hpcsweep.errors import to_type
from hpcsweep.machine import StrEnum

MARK = "hpcsweep-probe "  # begins the line that holds the answer
LOW_BYTES, LOW_INODES = 2_000_000_000, 10_000
SLOW_FSYNC_S = 0.5


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # sweeps can still run
    FAULT = "fault"  # something would keep a sweep from running


@dataclass(frozen=True)
class Finding:
    """One line of doctor: ok, a warning or a fault, and what to do about it."""

    level: Level
    what: str
    advice: str = ""


def check_store(root: Path) -> list[Finding]:
    """Try what a store needs from its file system in `root` (or the nearest folder above it that exists)."""
    folder = next(path for path in (root, *root.parents) if path.is_dir())
    probe = folder / f".tmp-doctor-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        probe.mkdir()
        findings = [_try_names(probe), _try_fsync(probe)]
    except OSError as error:
        advice = "choose another with --store, HPCSWEEP_STORE or `store` in the profile"
        return [Finding(Level.FAULT, f"the store {root} cannot be written: {error.strerror}", advice)]
    finally:
        shutil.rmtree(probe, ignore_errors=True)
    return [*findings, _free_space(folder, root)]


def _try_names(probe: Path) -> Finding:
    first, second = probe / "first", probe / "second"
    first.write_text("1")
    os.link(first, second)
    if first.stat().st_nlink != 2:
        return Finding(Level.FAULT, "the store's file system does not count links", "use another file system")
    try:
        with open(second, "x"):
            return Finding(Level.FAULT, "the store's file system ignores O_EXCL", "use another file system")
    except FileExistsError:
        pass
    third = probe / "third"
    third.write_text("3")
    os.replace(third, second)  # not `first`: a rename onto another name of the same file does nothing
    if third.exists() or second.read_text() != "3":
        return Finding(Level.FAULT, "the store's file system does not rename in one step", "use another file system")
    return Finding(Level.OK, "the store's file system links, renames and creates exclusively")


def _try_fsync(probe: Path) -> Finding:
    began = time.monotonic()
    with open(probe / "fsync", "wb") as file:
        file.write(b"x" * 65536)
        file.flush()
        os.fsync(file.fileno())
    took_s = time.monotonic() - began
    if took_s > SLOW_FSYNC_S:
        return Finding(
            Level.WARNING, f"a durable write of 64 kB takes {took_s:.1f} s", "another file system may be faster"
        )
    return Finding(Level.OK, f"a durable write of 64 kB takes {took_s * 1000:.0f} ms")


def _free_space(folder: Path, root: Path) -> Finding:
    room = os.statvfs(folder)
    free, inodes = room.f_bavail * room.f_frsize, room.f_favail
    said = f"{free / 1e9:.1f} GB and {inodes:,} files free where the store is"
    if free < LOW_BYTES or (room.f_files and inodes < LOW_INODES):
        return Finding(
            Level.WARNING,
            said,
            f"make room ({to_type('clean', '--store', root)}), or put the store elsewhere (--store)",
        )
    return Finding(Level.OK, said if room.f_files else f"{free / 1e9:.1f} GB free where the store is")


PACKAGES = {
    "hpcsweep": ("hpcsweep",),
    "submitit": ("submitit",),
    "numpy": ("numpy",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "jax": ("jax",),
    "keras": ("keras",),  # after the backends: Keras can only be imported with one
}
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
MISSING = "missing (not installed)"


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages here, without importing them: a login node stays light."""
    return {name: _version_of(distributions) for name, distributions in PACKAGES.items()}


def _version_of(distributions: tuple[str, ...]) -> str:
    for distribution in distributions:
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(distribution)
    return MISSING


def python_facts() -> dict[str, Any]:
    """Return the versions of Python and of the packages that training needs, and the GPUs that each backend sees."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # workers may be using the GPU
    node = os.environ.get("SLURMD_NODENAME") or platform.node()
    facts: dict[str, Any] = {"host": node, "python": platform.python_version(), "packages": {}}
    for name in PACKAGES:
        if name == "keras" and "(" in facts["packages"]["tensorflow"]:
            os.environ.setdefault("KERAS_BACKEND", "jax")
        try:
            with contextlib.redirect_stdout(sys.stderr):
                facts["packages"][name] = str(__import__(name).__version__)
        except ImportError as error:
            facts["packages"][name] = MISSING if error.name == name else f"missing ({error})"
        except Exception as error:  # a broken library may raise anything at import
            facts["packages"][name] = f"broken ({type(error).__name__})"
    facts["gpus"] = {name: _gpus(name) for name in BACKENDS if "(" not in facts["packages"][name]}
    facts["gpu_memory"] = _gpu_memory()
    facts["memory_gb"] = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    facts["cores"] = len(os.sched_getaffinity(0))
    facts["uncompiled"] = _uncompiled_packages()
    return facts


def _uncompiled_packages() -> str:
    """Return the folder of packages that Python compiles again at every start, because it cannot keep the results."""
    source = getattr(sys.modules.get("keras"), "__file__", None)
    if source is None or Path(cache_from_source(source)).exists():
        return ""
    return str(Path(source).parents[1])


def _gpus(backend: str) -> int:
    if backend == "jax":
        import jax

        return sum(device.platform != "cpu" for device in jax.devices())
    import tensorflow

    return len(tensorflow.config.list_physical_devices("GPU"))


def _gpu_memory() -> list[tuple[str, float]]:
    """Return each GPU of this job with its free memory in GB; none where nvidia-smi does not say."""
    query = ["nvidia-smi", "--query-gpu=name,memory.free", "--format=csv,noheader,nounits"]
    mine = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        said = subprocess.run([*query, *(["-i", mine] if mine else [])], capture_output=True, text=True, timeout=20)
        rows = [line.rpartition(",") for line in said.stdout.splitlines() if line.strip()]
        return [(name.strip(), int(free_mib) * 1024**2 / 1e9) for name, _, free_mib in rows]
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []


def main(store: str, token: str) -> None:
    """Print, after the mark, what this node can do, for doctor to read."""
    findings = [asdict(finding) for finding in check_store(Path(store))]
    seen = Path(token).is_file()
    print(MARK + json.dumps({"sees_store": seen, "store": findings, **python_facts()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
