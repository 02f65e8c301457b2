"""What was spent, from the events of the workers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpcsweep.launch.spent import spent_on
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.store import Store
from hpcsweep.store.submissions import new_submission
from hpcsweep.store.task_files import SlurmFiles


def test_each_attempt_counts_and_so_do_its_gpus(tmp_path: Path) -> None:
    """A requeued task has two attempts; one that was lost counts until it was last heard of; one at work until now."""
    store = Store(tmp_path)
    store.create()
    files = SlurmFiles(new_submission(store.layout, "s", [], []))
    files.write_terms(SlurmTerms(Request(3600, gres="gpu:t4:2")).to_json())
    began = 1_000_000_000
    lines = [("start", 0, 0), ("exit", 0, 3600), ("start", 1, 7200), ("stop", 1, 9000), ("exit", 1, 9000)]
    files.workers.mkdir(exist_ok=True)
    text = "".join(json.dumps({"event": what, "restart": n, "time": began + at}) + "\n" for what, n, at in lines)
    files.events_path("7_0").write_text(text)
    files.events_path("7_1").write_text(text.splitlines()[0] + "\n")
    spent = spent_on(store, "s", running=())
    assert spent.allocations == 3
    assert (spent.hours, spent.gpu_hours) == pytest.approx((1.5, 3.0))
    assert spent.in_words(finished=6) == "spent: 3 GPU-hours in 3 allocation(s), 0.5 per finished run"
    assert spent_on(store, "s", running=("7_1",)).hours > 1000
