"""Threads and cores of a worker: one thread per worker and one worker per core, unless its allocation says otherwise.

Then numbers do not depend on how many cores the node has, and two workers have twice the throughput of one.
"""

from __future__ import annotations

import os

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "NPROC",  # XLA's pools, which JAX uses
)


def set_environment(threads: int) -> None:
    """Set what the libraries of NumPy, TensorFlow and JAX read when they are imported: numbers of threads, and silence.

    This comes before any code of the user, since a job file may import them first.
    """
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pin_to_core(index: int) -> None:
    """Keep this process on the `index`-th of its cores, starting over after the last one."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[index % len(cores)]})
