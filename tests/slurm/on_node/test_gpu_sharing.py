"""`workers_per_gpu = "auto"`: how many workers fit on a GPU is found out from its memory and the first results."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.errors import SchedulerError
from hpcsweep.slurm.on_node import gpu_sharing as slurm_sharing
from hpcsweep.slurm.on_node.gpu_sharing import CONTEXT_GB, Peaks, ask_gpu, find_sharing, workers_that_fit
from hpcsweep.slurm.on_node.processes import plan_processes
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.store import Result, Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.results import publish_result, read_result
from hpcsweep.store.trajectory_folder import TrajectoryFolder
from tests.slurm.study import PROFILE, SlurmStudy

KIND = "Stand-in GPU"
HUNGRY = f"""
import os, time


def train(run, *, size: int):
    began = time.time()
    time.sleep(1.5)
    run.log(epoch=1, loss=0.0)
    run.record(device="{KIND}", device_memory_gb=5.5, gpu=os.environ["CUDA_VISIBLE_DEVICES"], pid=os.getpid())
    run.record(threads=os.environ["OMP_NUM_THREADS"], span=[began, time.time()])
"""
BODY = '[fixed]\nsize = {size}\n[resources]\ntime = 2\nworkers = 1\ngpus = 1\ncpus = 4\nworkers_per_gpu = "auto"\n'
# 40,000 MiB are 41.9 GB: room for three times 2 x 5.5 GB and a context, on four cores
SMI = f"""#!/bin/sh
echo "$*" >>$0.calls
[ "$*" = "--query-gpu=name,memory.total --format=csv,noheader,nounits -i $CUDA_VISIBLE_DEVICES" ] || exit 1
echo "{KIND}, 40000"
"""


def tool(folder: Path, text: str) -> Path:
    """Write a program of the name nvidia-smi into a new folder."""
    folder.mkdir()
    path = folder / "nvidia-smi"
    path.write_text(text)
    path.chmod(0o755)
    return path


@given(st.floats(0, 200), st.floats(0, 100), st.integers(1, 256))
def test_never_more_than_memory_and_cores_allow(total_gb: float, peak_gb: float, cores: int) -> None:
    """One worker at least, one per core at most; several never hold more than the GPU has, were each twice its peak."""
    fit = workers_that_fit(total_gb, peak_gb, cores)
    assert 1 <= fit <= cores
    assert fit == 1 or fit * (2 * peak_gb + CONTEXT_GB) <= 0.9 * total_gb
    assert fit == cores or (fit + 1) * (2 * peak_gb + CONTEXT_GB) > 0.9 * total_gb * (1 - 1e-9)


@pytest.mark.parametrize(
    ("facts", "peak_gb"),
    [
        ([{"device": KIND, "device_memory_gb": 2.0}, {"device": KIND, "device_memory_gb": 3.0}], 3.0),
        ([{"device": KIND, "device_memory_gb": 2.0}, {"device": "Another GPU", "device_memory_gb": 3.0}], 2.0),
        ([{"device": "Another GPU", "device_memory_gb": 3.0}, {"device": "cpu"}], None),
        ([{"device": KIND, "device_memory_gb": "much"}, {"device": KIND}], None),
        ([], None),
    ],
)
def test_the_largest_peak_on_this_kind_of_gpu_counts(
    tmp_path: Path, facts: list[dict[str, Any]], peak_gb: float | None
) -> None:
    """Results on other devices, and those that say nothing of memory, do not tell how many fit here."""
    store = Store(tmp_path)
    keys = [(f"{number:064x}", f"{number + 100:064x}") for number in range(3)]
    for (trajectory, run), one in zip(keys, facts, strict=False):
        publish(store, trajectory, run, one)
    assert Peaks(store, KIND, keys).look() == peak_gb


def test_looking_is_bounded_and_reads_each_result_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look opens a window of results; what is done leaves it for the next ones, and is not opened again."""
    store = Store(tmp_path)
    keys = [(f"{number:064x}", f"{number + 100:064x}") for number in range(5)]
    for key in keys[:3]:
        publish(store, *key, {"device": "cpu"})
    publish(store, *keys[4], {"device": KIND, "device_memory_gb": 1.0})
    opened: list[str] = []

    def spy(folder: TrajectoryFolder, run: str, **how: Any) -> Result:
        opened.append(run)
        return read_result(folder, run, **how)

    monkeypatch.setattr(slurm_sharing, "LOOKED_AT", 2)
    monkeypatch.setattr(slurm_sharing, "read_result", spy)
    peaks = Peaks(store, KIND, keys)
    assert [peaks.look() for _ in range(3)] == [None, None, 1.0]
    assert [keys.index(key) for run in opened for key in keys if key[1] == run] == [0, 1, 2, 3, 3, 4]


def publish(store: Store, trajectory: str, run: str, facts: dict[str, Any]) -> None:
    """Put a result with `facts` into the store."""
    folder = store.folder(trajectory)
    folder.path.mkdir(parents=True)
    publish_result(folder, Result(run, trajectory, "j.py:train", 0, {}, "done", None, {}, facts), 1)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("#!/bin/sh\nexit 9\n", "exit status 9"),
        ("#!/bin/sh\necho 'NVIDIA A100 MIG 1g.5gb, [N/A]'\n", 'said "NVIDIA A100 MIG 1g.5gb, [N/A]" about GPU 0'),
        (None, "No such file"),
    ],
)
def test_without_an_answer_of_nvidia_smi_a_gpu_keeps_one_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: str | None, words: str
) -> None:
    """Where the driver's program is missing, fails, or does not know the memory, one line says so."""
    monkeypatch.setenv("PATH", f"{tool(tmp_path / 'tools', script).parent}:/bin" if script else "/nowhere")
    terms = SlurmTerms(Request(60.0, gpus=1, cpus=4), workers_per_gpu="auto")
    assert find_sharing(terms, {"CUDA_VISIBLE_DEVICES": "0"}, SubmissionFolder(tmp_path), 0, 1) is None
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert words in said[0]
    with pytest.raises(SchedulerError):
        ask_gpu("0")


@pytest.mark.parametrize(
    ("gpus", "cpus", "words"), [(2, 3, "3 cores for 2 GPUs"), (0, 4, None)], ids=["few cores", "no GPU"]
)
def test_where_nothing_can_be_shared_nothing_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gpus: int, cpus: int, words: str | None
) -> None:
    """With a core a GPU no second worker could run, and that is said; without GPUs the setting means nothing."""
    terms = SlurmTerms(Request(60.0, gpus=gpus, cpus=cpus), workers_per_gpu="auto")
    assert find_sharing(terms, {"CUDA_VISIBLE_DEVICES": "0,1"}, SubmissionFolder(tmp_path), 0, 1) is None
    said = capsys.readouterr().out
    assert words in said if words else said == ""


def test_a_task_begins_with_one_worker_a_gpu_and_one_thread() -> None:
    """The cores that a first worker leaves are for those that may follow."""
    terms = SlurmTerms(Request(60.0, gpus=2, cpus=8), workers_per_gpu="auto")
    begun = plan_processes(terms, {"SLURM_CPUS_PER_TASK": "8", "CUDA_VISIBLE_DEVICES": "2,3"})
    assert [(one.gpu, one.threads) for one in begun] == [("2", 1), ("3", 1)]


def are_done(study: SlurmStudy, sweep: Path, wanted: int) -> bool:
    """Whether the sweep has this many runs, and all are done."""
    return study.states(sweep) == ["done"] * wanted


def spans(study: SlurmStudy, seeds: range) -> dict[int, list[tuple[float, float]]]:
    """Return, for each process that trained any of `seeds`, when each of its runs began and ended."""
    found: dict[int, list[tuple[float, float]]] = {}
    for result in Store(study.store).results():
        if result.job == "jobs/hungry.py:train" and result.seed in seeds:
            assert len(result.facts["attempts"]) == 1
            assert result.facts["threads"] == "1"
            found.setdefault(result.facts["pid"], []).append(tuple(result.facts["span"]))
    return {pid: sorted(runs) for pid, runs in sorted(found.items(), key=lambda item: min(item[1]))}


def test_workers_follow_onto_a_gpu_as_soon_as_a_result_says_that_they_fit(study: SlurmStudy, tmp_path: Path) -> None:
    """One worker begins; after its first result two more share its GPU; later workers know that from the beginning.
    Every run is trained once, and the driver is asked once per task."""
    smi = tool(tmp_path / "tools", SMI)
    (study.root / "jobs" / "hungry.py").write_text(HUNGRY)
    study.profile("smi", PROFILE + f"setup = ['export PATH={smi.parent}:$PATH']\n")
    for done, wanted in ((0, 10), (10, 16)):
        sweep = study.sweep("hungry", f"repeats = {wanted}\n" + BODY.format(size=1), "hungry", "smi")
        study.submit(sweep)
        study.cluster.wait_until(partial(are_done, study, sweep, wanted))
        first, *others = spans(study, range(done, wanted)).values()
        assert len(others) == 2
        first_end = first[0][1]
        assert all((other[0][0] > first_end) == (done == 0) for other in others)
    logs = sorted((study.store / "sweeps" / "hungry").glob("*/workers/*_log.out"))
    said = [line for log in logs for line in log.read_text().splitlines() if "workers fit" in line]
    assert len(said) == 2
    assert all("3 workers fit on a GPU (Stand-in GPU, 41.9 GB" in line for line in said)
    assert len(smi.with_name("nvidia-smi.calls").read_text().splitlines()) == 2
