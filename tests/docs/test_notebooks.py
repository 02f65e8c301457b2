"""The notebooks: they run from an empty folder, show what they promise, and obey an interrupted kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel
from nbclient import NotebookClient

from hpcsweep.errors import shell
from hpcsweep.store import Store
from tests.conftest import ENVIRONMENT, REPOSITORY, Study

NOTEBOOKS = sorted((REPOSITORY / "docs" / "notebooks").glob("*.ipynb"))
PATIENCE_S = 300
SLOW = """
import time
def train(run, *, rate: float, epochs: int = 1000):
    state = run.restore() or {"epoch": 0}
    while state["epoch"] < epochs and not run.should_stop:
        time.sleep(0.05)
        state = {"epoch": state["epoch"] + 1}
        run.log(epoch=state["epoch"], loss=rate)
    run.checkpoint(state)
"""

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a kernel is started with: no store named, and IPython's own files in a folder of the test."""
    named = {"HPCSWEEP_STORE": "", "IPYTHONDIR": str(tmp_path / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return {**ENVIRONMENT, **named}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_from_an_empty_folder(path: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    """Every cell of a notebook, which is kept without outputs, works in a fresh folder; values show as HTML, a figure
    as a picture, and the sample that is trained again is equal to the bit."""
    notebook = nbformat.read(path, as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
    folder = tmp_path / "empty"
    folder.mkdir()
    client = NotebookClient(notebook, timeout=PATIENCE_S, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    shown = {cell.source.partition("(")[0]: _shown(cell) for cell in notebook.cells if cell.cell_type == "code"}
    assert "18 trajectories: 36 new" in shown["hpcsweep.plan"]["text/html"]
    assert "36 done" in shown["hpcsweep.run"]["text/html"]
    assert "±" in shown["hpcsweep.table"]["text/html"]
    assert shown["hpcsweep.plot"]["image/png"]
    assert "identical to the bit" in shown["hpcsweep.verify"]["text/html"]
    assert sorted(path.name for path in (folder / "digits").iterdir()) == ["jobs", "results", "sweeps"]


def _shown(cell: Any) -> dict[str, str]:
    return {kind: text for output in cell.outputs for kind, text in output.get("data", {}).items()}


@pytest.fixture
def kernel(study: Study, environment: dict[str, str]) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """A notebook's Python in a study's folder."""
    manager, client = start_new_kernel(cwd=str(study.root), env=environment)
    try:
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_an_interrupted_cell_stops_with_checkpoints(
    study: Study, kernel: tuple[KernelManager, BlockingKernelClient], wait_until: Wait
) -> None:
    """When the kernel is interrupted, the cell ends with KeyboardInterrupt, its workers have ended, and their
    checkpoints are there to go on from."""
    study.job("slow", SLOW)
    study.sweep("slow", 'name = "slow"\njob = "jobs/slow.py:train"\n[grid]\nrate = [0.1, 0.2]\n')
    manager, client = kernel
    asked = client.execute("import hpcsweep; hpcsweep.run('sweeps/slow.toml', workers=2)")
    store = Store(study.store)
    wait_until(lambda: len([one for one in store.layout.trajectory_ids() if store.progress(one)]) == 2)
    manager.interrupt_kernel()
    assert _reply(client, asked)["ename"] == "KeyboardInterrupt"
    looks = [store.look(trajectory) for trajectory in store.layout.trajectory_ids()]
    assert [(look.alive, len(look.checkpoint_epochs) > 0) for look in looks] == [(False, True)] * 2


SUMS = "def train(run, *, rate: float):\n    run.log(epoch=1, loss=rate)\n"


def test_a_notebook_where_slurm_is_not_plans_and_reads(
    study: Study, environment: dict[str, str], tmp_path: Path
) -> None:
    """In an image without SLURM's commands, `plan`, `table` and `report` work for a sweep of the cluster; `submit` and
    `resume` say in one line what to type on a login node.
    """
    study.job("sums", SUMS)
    (study.root / "jobs" / "profiles").mkdir()
    (study.root / "jobs" / "profiles" / "rosie.toml").write_text('scheduler = "slurm"\n')
    study.sweep("sums", 'name = "sums"\njob = "jobs/sums.py:train"\nprofile = "rosie"\n[grid]\nrate = [0.1, 0.2]\n')
    cells = [
        "import hpcsweep; sweep = 'sweeps/sums.toml'",
        "hpcsweep.run(sweep, workers=1)",
        "hpcsweep.plan(sweep)",
        "hpcsweep.table(sweep)",
        "from hpcsweep.report import report; report(sweep)",
        *(f"hpcsweep.{verb}('sweeps/more.toml')" for verb in ("submit", "resume")),
    ]
    study.sweep("more", 'name = "more"\njob = "jobs/sums.py:train"\nprofile = "rosie"\n[grid]\nrate = [0.3]\n')
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    place = {"metadata": {"path": str(study.root)}}
    client = NotebookClient(notebook, timeout=PATIENCE_S, resources=place, allow_errors=True)
    client.execute(env={**environment, "PATH": str(tmp_path)})
    plan, table, report, submit, resume = notebook.cells[2:]
    assert "2 done" in _shown(plan)["text/html"]
    assert "0.1" in _shown(table)["text/html"]
    assert "sums" in _shown(report)["text/plain"]
    for cell, verb in ((submit, "submit"), (resume, "resume")):
        error = cell.outputs[-1]
        assert (error.ename, "\n" in error.evalue) == ("SchedulerError", False)
        assert "SLURM's commands are not on this machine" in error.evalue
        assert f"type there: {shell('cd', study.root)} && hpcsweep {verb} sweeps/more.toml; or train" in error.evalue


def _reply(client: BlockingKernelClient, asked: str) -> dict[str, Any]:
    """Return what the kernel answered to a cell."""
    while True:
        try:
            message = client.get_shell_msg(timeout=PATIENCE_S)
        except Empty:
            raise AssertionError("the kernel does not answer") from None
        if message["parent_header"].get("msg_id") == asked:
            content: dict[str, Any] = message["content"]
            return content
