"""One mail per sweep, by SLURM itself: about a small job that waits for the workers' end, named after what came.

`python -m hpcsweep.slurm.sending.mail SUBMISSION` is that job. If there are workers again when it starts, which took
the place of others or were sent by somebody, it leaves the mail to a later job like it.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from hpcsweep.slurm.commands import ask
from hpcsweep.slurm.terms import SlurmTerms
from hpcsweep.slurm.watching.living import living_workers
from hpcsweep.slurm.watching.queue import ask_squeue
from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.task_files import SlurmFiles, slurm_submissions

MINUTES = 5
THIS = "hpcsweep.slurm.sending.mail"  # not __name__: it queues itself, too


def queue_mail(submission: SubmissionFolder, terms: SlurmTerms, *arrays: str) -> str | None:
    """Queue the job that mails when the workers of arrays have ended; return why that could not be, or None."""
    request = terms.request
    places = {"partition": request.partition, "account": request.account, "qos": request.qos}
    command = shlex.join([terms.host_python, "-m", THIS, str(submission.path)])
    options = [f"--{name}={value}" for name, value in places.items() if value]
    name = f"{submission.path.parent.name}: workers have ended"
    options += [
        f"--dependency=afterany:{':'.join(arrays)}",
        f"--job-name={name}",
        f"--time={MINUTES}",
        "--output=/dev/null",
    ]
    options += [f"--mail-user={request.mail_user}", "--mail-type=END,FAIL", "--requeue", f"--wrap=exec {command}"]
    return ask(["sbatch", *options]).problem


def main(path: str) -> int:
    """Name this job after how many runs are done, which its mail then says; exit code 1 if some are not."""
    submission = SubmissionFolder(Path(path))
    store = Store(submission.store_root)
    own = [one for one in slurm_submissions(store.layout, submission.path.parent.name) if one.is_own]
    if _is_left_to_another(SlurmFiles(submission), own):
        return 0
    runs = store.run_ids(own[-1].submission)  # whose workers may have been there already, so that it sent no mail
    done = runs & {run_id for _, run_id in store.result_ids()}
    _update(f"name={submission.path.parent.name}: {len(done)} of {len(runs)} runs done")
    return 0 if len(done) == len(runs) else 1


def _is_left_to_another(files: SlurmFiles, own: list[SlurmFiles]) -> bool:
    """Leave the mail to another job if a newer submission has one, or if workers of the sweep live; say whether.

    `own` are this user's submissions of the sweep.
    """
    newer = any(one.path.name > files.path.name and one.arrays() and _terms(one).request.mail_user for one in own)
    queue = ask_squeue()
    living = {task.array for one in own for task in living_workers(one, queue)}
    if not (newer or living) or _update("mailtype=NONE"):
        return False
    problem = None if newer else queue_mail(files.submission, _terms(files), *sorted(living))
    return problem is None or bool(_update("mailtype=END,FAIL"))


def _terms(files: SlurmFiles) -> SlurmTerms:
    return SlurmTerms.from_json(files.read_terms())


def _update(setting: str) -> str | None:
    return ask(["scontrol", "update", f"jobid={os.environ['SLURM_JOB_ID']}", setting]).problem


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
