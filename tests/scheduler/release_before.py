"""A submission of the release before, as it wrote it, moved to another folder."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.sweep.load import load_sweep

QUEUED = Path(__file__).with_name("queued")
WAS_AT, ITS_PYTHON, STAMP = "/home/student/study", "/home/student/venv/bin/python", "20261125-193817-000"
SUBMISSION = f"{WAS_AT}/results/sweeps/golden/{STAMP}"
OTHER = f"{WAS_AT}/results/sweeps/local/20261125-193845-000"  # of the pickle of a worker on a machine
FRAME = slice(2, 11)  # of a pickle: how long it is; those that do without are read as well


@dataclass(frozen=True)
class Before:
    """The study and its submission."""

    root: Path

    @staticmethod
    def unpack(root: Path) -> Before:
        """Write the files as they were, but for the places of the study and its Python."""
        before = Before(root)
        for folder in (root / "jobs" / "profiles", root / "sweeps", before.submission.workers):
            folder.mkdir(parents=True)
        for name, place in (
            ("count.py.txt", root / "jobs"),
            ("cluster.toml", root / "jobs" / "profiles"),
            ("golden.toml", root / "sweeps"),
            *(
                (name, before.submission.path)
                for name in ("manifest.jsonl", "run-ids.txt", "terms.json", "array-1.json")
            ),
            ("1_submission.sh", before.submission.workers),
        ):
            (place / name.replace(".py.txt", ".py")).write_text(before.moved((QUEUED / name).read_text()))
        before.store.create()
        return before

    @property
    def store(self) -> Store:
        """The store of the study."""
        return Store(self.root / "results")

    @property
    def submission(self) -> SubmissionFolder:
        """The folder of the submission."""
        return self.store.layout.submission("golden", STAMP)

    @property
    def script(self) -> Path:
        """The batch script, which SLURM would have kept a copy of."""
        return self.submission.workers / "1_submission.sh"

    def moved(self, text: str) -> str:
        """Return text with the new places in it."""
        return text.replace(WAS_AT, str(self.root)).replace(ITS_PYTHON, sys.executable)

    def put_pickle(self, name: str, task: str) -> None:
        """Put a pickle where submitit looks for that of `task`: the same bytes, but for the path of the submission."""
        data = (QUEUED / name).read_bytes()
        old = SUBMISSION if name[0] == "1" else OTHER
        assert data.count(_text(old)) == 1
        moved = data[: FRAME.start] + data[FRAME.stop :].replace(_text(old), _text(str(self.submission.path)))
        (self.submission.workers / f"{task}_submitted.pkl").write_bytes(moved)

    def states(self) -> list[str]:
        """Return the state of each of the four runs."""
        runs = load_sweep(self.root / "sweeps" / "golden.toml").runs
        found = self.store.states(runs)
        return [str(found.get(run.id, "new")) for run in runs]


def _text(path: str) -> bytes:
    """Return a path as pickles hold short texts: an opcode, the length, UTF-8."""
    encoded = path.encode()
    return b"\x8c" + bytes([len(encoded)]) + encoded
