"""The folder of a run: no two runs share a file, what is there at the end is kept, a resumed run finds its files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from hpcsweep.files import MODEL_FILE
from hpcsweep.store import Store
from hpcsweep.worker.crew import Crew, run_as_crew
from hpcsweep.worker.run.folder import keep
from tests.conftest import Study

WRITES = """
import os, time
from pathlib import Path

def train(run, *, n: int):
    Path("best.txt").write_text(str(n))
    time.sleep(0.2)
    return {"read": int(Path("best.txt").read_text()), "own": float(Path.cwd() == run.folder)}
"""
READS = """
from pathlib import Path

def train(run, *, how: str):
    text = (run.study / "data.txt" if how == "study" else Path("data.txt")).read_text()
    return {"score": float(text)}
"""
RESUMES = """
from pathlib import Path

def train(run, *, epochs: int):
    begun = run.restore() or {"epoch": 0}
    for epoch in range(begun["epoch"] + 1, epochs + 1):
        with open("lines.txt", "a") as file:
            file.write(f"{epoch}\\n")
        run.log(epoch, lines=len(Path("lines.txt").read_text().splitlines()))
        run.checkpoint({"epoch": epoch})
        if epoch == 2 and not Path(run.study / "again").exists():
            Path(run.study / "again").touch()
            raise RuntimeError("cut")
"""
FILLS = """
import os

def train(run, *, n: int):
    os.makedirs("deep/er")
    for name, size in {"small": 10, "deep/er/small": 20, "large": 3_000_000}.items():
        with open(name, "wb") as file:
            file.write(b"x" * size)
    os.symlink("/etc/passwd", "link")
    os.mkfifo("pipe")
    return {"score": 1.0}
"""


KEEPS = """
from pathlib import Path
from tempfile import TemporaryDirectory

def train(run, *, n: int):
    Path("here.txt").write_text("here")
    run.keep("here.txt")
    for text in ("1", "2"):
        with TemporaryDirectory() as name:
            Path(name, "one.txt").write_text(text)
            run.keep(Path(name, "one.txt"))
            Path(name, "figures").mkdir()
            Path(name, "figures", "old.txt" if text == "1" else "new.txt").write_text(text)
            run.keep(Path(name, "figures"))
    try:
        run.keep("nowhere.txt")
    except FileNotFoundError:
        return {"score": 1.0}
"""


def sweep(study: Study, job: str, text: str, body: str) -> Path:
    """Write a job and a sweep of it."""
    study.job(job, text)
    return study.sweep(job, f'name = "{job}"\njob = "jobs/{job}.py:train"\n{body}')


def test_runs_that_write_one_name_read_their_own_file(study: Study) -> None:
    """Two workers whose jobs write `best.txt` in their working folder each read what they wrote themselves."""
    path = sweep(study, "writes", WRITES, "[grid]\nn = [1, 2, 3, 4, 5, 6]\n")
    assert study.run("run", path, "--workers", "2", "-q").returncode == 0
    found = {one.params["n"]: one for one in Store(study.store).results()}
    assert {n: one.metrics for n, one in found.items()} == {n: {"read": float(n), "own": 1.0} for n in range(1, 7)}
    assert all(one.facts["files"] == ["best.txt"] for one in found.values())
    assert not (study.root / "best.txt").exists()


def test_a_path_that_was_meant_for_the_study_is_told_what_to_type(study: Study) -> None:
    """A relative path of the study fails with the line to write; run.study and workdir = "study" both find the file."""
    (study.root / "data.txt").write_text("7")
    path = sweep(study, "reads", READS, '[grid]\nhow = ["relative", "study"]\n')
    assert study.run("run", path, "-q").returncode == 1
    rows = {row["params"]["how"]: row for row in json.loads(study.run("status", path, "--json").stdout)["runs"]}
    assert rows["study"]["metrics"] == {"score": 7.0}
    assert 'run.study / "data.txt", or set workdir = "study"' in rows["relative"]["cause"]
    path.write_text('workdir = "study"\n' + path.read_text())
    assert study.run("run", path, "-q", "--failed").returncode == 0


def test_a_resumed_run_finds_the_files_of_the_attempt_that_it_goes_on_from(study: Study) -> None:
    """What a job has appended to a file before it was cut is there when it goes on from its checkpoint."""
    path = sweep(study, "resumes", RESUMES, "[fixed]\nepochs = 4\n")
    assert study.run("run", path, "-q").returncode == 1
    assert study.run("run", path, "-q", "--failed").returncode == 0
    (one,) = Store(study.store).results()
    assert list(one.history["lines"]) == [1, 2, 3, 4]
    (folder,) = study.store.rglob("files-*")
    assert (folder / "lines.txt").read_text() == "1\n2\n3\n4\n"


def test_what_is_kept_is_bounded_and_what_is_left_out_is_said(study: Study) -> None:
    """The smallest files are kept, links and pipes are not, and the record names what is gone."""
    path = sweep(study, "fills", FILLS, "[fixed]\nn = 1\n[keep]\nmb = 2\n")
    assert study.run("run", path, "-q").returncode == 0
    (one,) = Store(study.store).results()
    assert one.facts["files"] == ["deep/er/small", "small"]
    assert one.facts["files_left_out"] == {"large": 3_000_000, "link": 0, "pipe": 0}
    assert "left out by [keep]: large (3.0 MB), link" in study.run("files", one.id).stderr
    (folder,) = study.store.rglob("files-*")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "deep/er/small",
        "small",
    ]


def test_the_model_is_kept_before_smaller_files(tmp_path: Path) -> None:
    """Where there is room for one file, it is the trained model, whatever the job has written beside it."""
    (tmp_path / "note.txt").write_bytes(b"1")
    (tmp_path / MODEL_FILE).write_bytes(b"12345")
    assert keep(tmp_path, 100.0, 1) == {"files": [MODEL_FILE], "files_left_out": {"note.txt": 1}}


def test_run_keep_copies_files_and_folders_also_a_second_time(study: Study) -> None:
    """What was kept under the same name is replaced, and what lies in the run's folder already stays where it is."""
    path = sweep(study, "keeps", KEEPS, "[fixed]\nn = 1\n")
    ended = study.run("run", path, "-q")
    assert ended.returncode == 0, ended.stderr
    (one,) = Store(study.store).results()
    assert one.facts["files"] == ["figures/new.txt", "here.txt", "one.txt"]
    assert "files_left_out" not in one.facts
    (folder,) = study.store.rglob("files-*")
    assert (folder / "one.txt").read_text() == "2"


def test_a_run_that_writes_nothing_leaves_no_folder(study: Study) -> None:
    """An empty folder is removed when its run is done."""
    path = sweep(study, "nothing", 'def train(run, *, n: int):\n    return {"score": n}\n', "[grid]\nn = [1, 2]\n")
    assert study.run("run", path, "-q").returncode == 0
    assert list(study.store.rglob("files-*")) == []


def test_members_of_a_crew_work_each_in_its_own_folder(tmp_path: Path) -> None:
    """A member that waits for the others goes on in the folder that it worked in."""

    def member(name: str) -> Callable[[Crew], list[str]]:
        def work(crew: Crew) -> list[str]:
            folder = tmp_path / name
            folder.mkdir()
            os.chdir(folder)
            crew.together(name, lambda payloads: payloads)
            return [Path.cwd().name, name]

        return work

    before = Path.cwd()
    try:
        assert run_as_crew([member("a"), member("b"), member("c")]) == [["a", "a"], ["b", "b"], ["c", "c"]]
    finally:
        os.chdir(before)
