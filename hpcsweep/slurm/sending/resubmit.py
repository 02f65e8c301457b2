"""Called by a task's batch script, on the host: submit a successor of one worker, `python -m ... SUBMISSION TASK`."""

from __future__ import annotations

import sys
from pathlib import Path

from hpcsweep.errors import HpcsweepError
from hpcsweep.slurm.on_node.worker import count_fruitless
from hpcsweep.slurm.sending.submit import WorkerArray, submit_array
from hpcsweep.slurm.terms import SlurmTerms
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.task_files import Event, Sender, SlurmFiles


def submit_successor(files: SlurmFiles, task: str) -> str:
    """Queue one worker to take the place of `task`, and return its array's id."""
    terms = SlurmTerms.from_json(files.read_terms())
    team = sum(sent.workers for sent in files.arrays() if sent.why == Sender.SUBMIT) or 1
    index = int(task.partition("_")[2] or 0) % team
    array = WorkerArray(1, index, team, why=f"after {task}", fruitless=count_fruitless(files, task))
    sent = submit_array(files, terms, array)
    files.add_event(task, Event.CONTINUED, array=sent.array)
    return str(sent.array)


def main(submission: str, task: str) -> int:
    """Submit the successor; exit code 1 lets the batch script try something else."""
    try:
        print(f"hpcsweep: continued as array {submit_successor(SlurmFiles(SubmissionFolder(Path(submission))), task)}")
    except HpcsweepError as error:
        print(f"hpcsweep: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
