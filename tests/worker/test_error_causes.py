"""What an error of a job's means to people."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from hpcsweep.worker.error_causes import cause_of_error


def _named(name: str, message: str) -> Any:
    return type(name, (RuntimeError,), {})(message)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (MemoryError(), "out of memory"),
        (OSError(errno.ENOENT, "No such file"), "raised"),
        (_named("OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB"), "GPU memory"),
        (
            _named("XlaRuntimeError", "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4096 bytes"),
            "GPU memory",
        ),
        (_named("XlaRuntimeError", "INVALID_ARGUMENT: shapes differ"), "raised"),
        (ValueError("out of memory is not what this is"), "raised"),
    ],
)
def test_errors_are_grouped_by_what_helps(error: Exception, cause: str) -> None:
    """Memory of the GPU and of the host and an error of the code are three things to do."""
    assert cause_of_error(error) == cause


def test_tensorflows_own_error_tells_the_gpu_from_the_host() -> None:
    """The very error that TensorFlow raises: for a tensor too large for this host, and in its words for a GPU."""
    tensorflow = pytest.importorskip("tensorflow")
    with pytest.raises(tensorflow.errors.ResourceExhaustedError) as caught:
        tensorflow.zeros([10**8, 10**6])
    assert cause_of_error(caught.value) == "out of memory"
    words = "OOM when allocating tensor with shape[9] and type float on /job:localhost/replica:0/task:0/device:GPU:0"
    gpu = tensorflow.errors.ResourceExhaustedError(None, None, f"{words} by allocator GPU_0_bfc")
    assert cause_of_error(gpu) == "GPU memory"
