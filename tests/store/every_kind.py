"""Makes a study whose store holds every kind of file, that of a submission to SLURM too."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from hpcsweep.store import Store
from hpcsweep.store.claims import Claim
from hpcsweep.store.events import Event
from hpcsweep.store.halts import Halt, halt
from hpcsweep.store.made_by import accept, keep_data
from hpcsweep.store.task_files import Sender, SentArray, SlurmFiles
from hpcsweep.store.wanted import Wanted, write_wanted
from hpcsweep.worker.run.heartbeat import Heartbeat
from tests.conftest import Study, make_study
from tests.slurm.sending.test_elastic import TERMS

JOB = """
def walk(run, *, step: float, name: str = "a", epochs: int):
    for epoch in range(1, epochs + 1):
        run.log(epoch=epoch, loss=step / epoch)
        run.checkpoint({"epoch": epoch})
    if step > 0.2:
        raise ValueError("too far")
    (run.folder / "kept.txt").write_text("kept")
"""
HEAD = 'name = "{0}"\njob = "jobs/walk.py:walk"\nfixed.name = "{0}"\n'
SWEEPS = {
    "walk": 'name = "walk"\njob = "jobs/walk.py:walk"\n[grid]\nstep = [0.1, 0.2, 0.3]\nepochs = [1, 3]\n',
    "halved": HEAD.format("halved")
    + "[grid]\nstep = [0.01, 0.02, 0.03, 0.04]\n"
    + '[halving]\nmetric = "loss"\nepochs = [1, 2, 3]\nkeep = 0.5\norder = "as ready"\naudit = 1\n',
    "searched": HEAD.format("searched")
    + 'fixed.epochs = 1\n[suggest]\nengine = "optuna"\nmetric = "loss"\ntrials = 4\nper_round = 2\n'
    + "[suggest.space]\nstep = { low = 0.01, high = 0.1 }\n",
}
USED = {"format": {"sha256": "c" * 64}}  # data of a name that is a word of records, too
STAMP = re.compile(r"\d{8}-\d{6}-\d{3}")
VARIES = re.compile(r"\d{20}-[0-9a-f]{8}|[0-9a-f]{16,}|(?<=checkpoint\.g)[\d.ke]+|\d+(?=_\d_log)")
NO_RECORDS = {
    r"cancelled|.*\.leave|made\..*": "a name that says all",
    r".*\.next": "one word for the batch script that was sent with it",
    r"log\.g\d+\.txt|.*\.(out|err|pkl|sh)": "what jobs print, and the files of submitit",
    r"kept\.txt|walk\.py": "files of the user's",
    r".*\.npz": "arrays, of the format of NumPy, which a record names",
    r"pack-\w+\.zip": "files that say their own formats",
}


class Progress:
    """Tells a heartbeat how far a run has come."""

    def progress(self) -> dict[str, object]:
        return {"epoch": 1, "epochs": 3, "metrics": {"loss": 1.0}}


def make_every_kind(folder: Path) -> Study:
    """Make it in `folder`."""
    study = make_study(folder)
    study.job("walk", JOB)
    for name, text in SWEEPS.items():
        ended = study.run("run", study.sweep(name, text), "--workers", "1", "--quiet")
        assert ended.returncode == (name == "walk"), ended.stderr
    for words in (("tag", "good"), ("note", "a slow one")):
        said = study.run(words[0], next(study.store.rglob("run-*.json")).name[4:16], words[1])
        assert said.returncode == 0, said.stderr
    store = Store(study.store)
    [failed] = study.store.rglob("failed.*")
    claim = Claim(store.folder(failed.parent.name), 1)
    with Heartbeat(claim, 0.01, 60.0) as heartbeat:
        heartbeat.reporter = Progress()
        while not claim.folder.progress.exists():
            time.sleep(0.01)
    claim.give_back()
    (failed.parent / "cut.g1.json").write_text(json.dumps({"format": 1, "had_s": 3}))
    [submission] = store.layout.submissions("walk")
    _send(SlurmFiles(submission))
    write_wanted(store.layout, "walk", Wanted(2))
    accept(store.layout, "a" * 64, "b" * 64, {"said": "by hand"})
    keep_data(store.layout, USED)
    halt(submission, Halt("no module", 0))
    store.decide("engine", lambda: {"engine": "compiled"})
    return study


def _send(files: SlurmFiles) -> None:
    """Leave what a submission of two workers leaves, and an announcement that was cut off."""
    files.write_terms(TERMS.to_json())
    files.record(SentArray("ab", "walk.ab", 2, 0.0, Sender.SUBMIT, "7"))
    files.announce(SentArray("cd", "walk.cd", 2, 0.0, Sender.SUBMIT))
    files.add_event("7_0", Event.START, restart=0)


def kind_of(path: Path) -> str:
    """Return what kind of file this is: its name, that of its folder, and of a decision, what is decided."""
    if path.parent.name == "decisions":
        return f"decision: {json.loads(path.read_bytes())['key'].partition(' ')[0]}"
    folder = path.parents[1] if STAMP.fullmatch(path.parent.name) else path.parent
    return VARIES.sub("*", f"{folder.name}/{path.name}")


def records(root: Path) -> dict[str, Path]:
    """Return one record of each kind in a store."""
    found = {}
    for path in root.rglob("*"):
        known = any(re.fullmatch(names, path.name) for names in NO_RECORDS)
        if path.is_file() and not known and not {"snapshots", "bundles"} & {*path.parts}:
            found[kind_of(path)] = path
    return found
