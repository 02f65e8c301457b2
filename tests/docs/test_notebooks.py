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
