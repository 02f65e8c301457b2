"""One mail per submission, by SLURM itself: about a small job that waits for the workers' end, named after what came.

`python -m hpcsweep.slurm.sending.mail SUBMISSION` is that job.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from hpcsweep.slurm.commands import ask
from hpcsweep.slurm.terms import SlurmTerms
from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder

MINUTES = 5


def queue_mail(submission: SubmissionFolder, terms: SlurmTerms, array: str) -> str | None:
    """Queue the job that mails when the workers of an array have ended; return why that could not be, or None."""
    request = terms.request
    places = {"partition": request.partition, "account": request.account, "qos": request.qos}
    command = shlex.join([terms.host_python, "-m", __name__, str(submission.path)])
    options = [f"--{name}={value}" for name, value in places.items() if value]
    name = f"{submission.path.parent.name}: workers have ended"
    options += [f"--dependency=afterany:{array}", f"--job-name={name}", f"--time={MINUTES}", "--output=/dev/null"]
    options += [f"--mail-user={request.mail_user}", "--mail-type=END,FAIL", "--requeue", f"--wrap=exec {command}"]
    return ask(["sbatch", *options]).problem


def main(path: str) -> int:
    """Name this job after how many runs are done, which its mail then says; exit code 1 if some are not."""
    submission = SubmissionFolder(Path(path))
    store = Store(submission.store_root)
    runs = store.run_ids(submission)
    done = runs & {run_id for _, run_id in store.result_ids()}
    name = f"{submission.path.parent.name}: {len(done)} of {len(runs)} runs done"
    ask(["scontrol", "update", f"jobid={os.environ['SLURM_JOB_ID']}", f"name={name}"])
    return 0 if len(done) == len(runs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
