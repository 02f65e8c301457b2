"""Checkpoints of jobs that save files."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.store.array_bytes import pack_state, unpack_state
from hpcsweep.worker.run.state_files import UnpackedStates, state_of_files
from tests.conftest import Study

names = st.text("abc", min_size=1, max_size=3)
files = st.dictionaries(st.tuples(names, names).map("/".join) | names.map("{}.bin".format), st.binary(max_size=50))


@given(files)
def test_files_come_back_as_they_were_written(contents: dict[str, bytes]) -> None:
    """A state of files, folders among them, is restored byte for byte, and its folder goes when the run ends."""

    def write(folder: Path) -> None:
        for name, content in contents.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)

    unpacked = UnpackedStates()
    folder = unpacked.unpack(unpack_state(pack_state(state_of_files(write), generation=1, epoch=0)))
    assert {name: (folder / name).read_bytes() for name in contents} == contents
    unpacked.remove()
    assert not folder.exists()


JOB = """
def train(run, *, epochs: int):
    folder = run.restore()
    start = int((folder / "sub" / "epoch.txt").read_text()) if folder else 0
    def save(folder):
        (folder / "sub").mkdir()
        (folder / "sub" / "epoch.txt").write_text(str(epochs))
    run.log(epoch=epochs, loss=1.0, started_at=start)
    run.checkpoint(save)
"""


def test_a_job_goes_on_from_its_files(study: Study) -> None:
    """A job that checkpoints through a function that writes files finds them in the folder that restore returns."""
    study.job("job", JOB)
    path = study.sweep("s", 'name = "s"\njob = "jobs/job.py:train"\n[grid]\nepochs = [4, 9]\n')
    assert study.run("run", path).returncode == 0
    table = study.run("table", path, "--rows", "epochs", "--value", "last_started_at", "--format", "csv").stdout
    assert [line.split(",")[2] for line in table.splitlines()[1:]] == ["0.0", "4.0"], table
