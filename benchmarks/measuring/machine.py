"""Where a measurement was made, and one core and one thread for it."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "NPROC",
    ),
    "1",
)
PACKAGES = ("tensorflow-cpu", "tensorflow", "jax", "keras", "numpy", "joblib")
REPOSITORY = Path(__file__).parents[2]


def one_thread_on_one_core() -> None:
    """Must be called before NumPy, TensorFlow or JAX is imported."""
    os.environ.update(ONE_THREAD)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def describe() -> str:
    """Return the machine, how busy it is, the versions and the commit, in two lines."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    versions = ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name)))
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {cores} cores of {_processor()}, load average {load:.1f} before\n"
        f"Python {platform.python_version()}, {versions}, hpcsweep at {_commit()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "an unknown commit"
    return answer.stdout.strip() or "an unknown commit"
