"""The seam for another scheduler: what is asked of one is what SLURM answers."""

from __future__ import annotations

import pytest

from hpcsweep.slurm.scheduler import SLURM


def test_no_answer_is_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a scheduler is not there, every question gets a sentence in place of an exception."""
    monkeypatch.setenv("PATH", "/nowhere")
    queue, limits = SLURM.limits(None, None)
    assert queue.absent
    assert limits.unknown
    assert SLURM.living().problem
    assert SLURM.ended(["7"]).problem
    assert SLURM.cancel(["7"])
    assert SLURM.wake(["7_0"])
