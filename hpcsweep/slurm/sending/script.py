"""The batch script around a worker: what SLURM reads, and what the host does before Python starts and after it ends.

A node calls SLURM's commands only here, in the shell of the host, since a container has none.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from hpcsweep.errors import UsageError
from hpcsweep.slurm.sending.profile_lines import profile_lines
from hpcsweep.slurm.terms import SlurmTerms, require_plain
from hpcsweep.store.task_files import EVENTS_SUFFIX, LEAVE_SUFFIX, NEXT_SUFFIX

SIGNAL = "USR2"

# The EXIT trap runs however the worker ends, unless the whole node is lost. SIGTERM must not end the shell before the
# worker has written its checkpoint, but must end what the shell starts, so it is caught and not ignored.
# `return` says 0 explicitly: in a trap its default is the status from before the trap.
# A worker that wrote no "next" file has died. It is left alone if its time was up meanwhile: others would need more.
# A task that was cancelled, or requeued by somebody, must not be brought back to life. Only a task that still runs may
# continue, or one that stopped as it should but a moment too late.
# The report waits until a successor is asked for, and is left to the next allocation where this very task goes on.
# What a profile sets for its workers is not for the host's Python, nor to be there twice for a successor.
# Whoever can write the store may have put another folder in the place of a submission's, and Python would unpickle it.
_BEGIN = """\
hpcsweep_began_with="$(export -p; export -pf)"
hpcsweep_task="${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
[ -O @SUBMISSION@ ] && [ -O @WORKERS@ ] && [ ! -L @WORKERS@ ] || {
  echo "hpcsweep: "@WORKERS@" is not yours: another user may have put orders there; submit the sweep again" >&2
  exit 1
}
hpcsweep_files=@WORKERS@/"$hpcsweep_task"
hpcsweep_next_file="$hpcsweep_files.${SLURM_RESTART_COUNT:-0}@NEXT@"
hpcsweep_say() {
  printf '{"format":1,"event":"%s","code":%d,"restart":%d,"time":%d,"host":"%s"}\\n' \\
    "$1" "$2" "${SLURM_RESTART_COUNT:-0}" "$(date +%s)" "${SLURMD_NODENAME:-$(hostname)}" >>"$hpcsweep_files@EVENTS@"
}
hpcsweep_may_go_on() {
  for hpcsweep_try in 1 2 3 4 5 6; do
    hpcsweep_state="$(squeue -h -j "$hpcsweep_task" -o '%T %r' 2>/dev/null)" && break
    sleep 3
  done
  case "$hpcsweep_state" in
    "RUNNING "*) ;;
    "COMPLETING TimeLimit") [ "$hpcsweep_next" != died ] ;;
    *) return 1 ;;
  esac
}
hpcsweep_requeue() {
  scontrol requeue "$hpcsweep_task" && return 0
  scontrol update jobid="$hpcsweep_task" requeue=1 && scontrol requeue "$hpcsweep_task"
}
hpcsweep_replace() (  # how this task ends
  unset $(compgen -e) 2>/dev/null
  eval "$hpcsweep_began_with"
  @HOST_PYTHON@ -m hpcsweep.slurm.sending.resubmit @SUBMISSION@ "$hpcsweep_task" "$1"
)
hpcsweep_end() {
  hpcsweep_code=$?
  trap - EXIT
  set +eu
  hpcsweep_before_work
  hpcsweep_say exit "$hpcsweep_code"
  hpcsweep_next="$(cat "$hpcsweep_next_file" 2>/dev/null || echo died)"
  [ -e "$hpcsweep_files@LEAVE@" ] && hpcsweep_next=
  rm -f "$hpcsweep_next_file"
  if [ -z "$hpcsweep_next" ]; then
    :
  elif hpcsweep_may_go_on; then
    case "$hpcsweep_next" in
      resubmit) hpcsweep_replace resubmit || hpcsweep_requeue || hpcsweep_say left 0 ;;
      requeue) hpcsweep_replace requeue; hpcsweep_requeue || hpcsweep_replace resubmit || hpcsweep_say left 0 ;;
      died) hpcsweep_replace died || hpcsweep_say left 0 ;;
    esac
  elif [ -n "$hpcsweep_state" ]; then
    hpcsweep_say ended 0
  else
    hpcsweep_say left 0
  fi
@REPORT@  exit "$hpcsweep_code"
}
trap hpcsweep_end EXIT
trap : TERM
export HPCSWEEP_TASK="$hpcsweep_task" HPCSWEEP_BEGAN="$(date +%s)" HPCSWEEP_EVENTS="$hpcsweep_files@EVENTS@"
export HPCSWEEP_TIME_LEFT="$(squeue -h -j "$hpcsweep_task" -o %L 2>/dev/null)\""""


_REPORT = """\
  [ "$hpcsweep_next" = requeue ] || (  # a report of the sweep so far; if it cannot be made, the worker's log says why
    unset $(compgen -e) 2>/dev/null
    eval "$hpcsweep_began_with"
    @COMMAND@
  )
"""


def setup_lines(terms: SlurmTerms, submission: Path, workers: Path) -> list[str]:
    """Return the shell lines that run on the host before the worker."""
    begin = _BEGIN
    for mark, text in (
        ("@WORKERS@", shlex.quote(str(workers))),
        ("@SUBMISSION@", shlex.quote(str(submission))),
        ("@HOST_PYTHON@", shlex.quote(terms.host_python)),
        ("@EVENTS@", EVENTS_SUFFIX),
        ("@NEXT@", NEXT_SUFFIX),
        ("@LEAVE@", LEAVE_SUFFIX),
        ("@REPORT@", _REPORT.replace("@COMMAND@", terms.report) if terms.report else ""),
    ):
        begin = begin.replace(mark, text)
    return [*begin.splitlines(), *profile_lines(terms)]


def submitit_parameters(
    terms: SlurmTerms, submission: Path, workers: Path, job_name: str, throttle: int
) -> dict[str, Any]:
    """Return submitit's parameters for one array of workers, of which `throttle` run at the same time."""
    require_plain("name", job_name)
    lead_s = max(1, round(terms.margin_s))
    return {
        **terms.request.sbatch_parameters(),
        "job_name": job_name,
        "comment": "hpcsweep",
        "wckey": None,  # clusters where such keys must be registered refuse submitit's own
        "nodes": 1,
        "ntasks_per_node": 1,
        "setup": setup_lines(terms, submission, workers),
        # since SLURM 22.05 srun does not take over the batch job's cores by itself
        "srun_args": [f"--cpus-per-task={terms.request.cpus}"],
        "stderr_to_stdout": True,
        "array_parallelism": throttle,
        "additional_parameters": {"signal": f"{SIGNAL}@{lead_s}", "requeue": True},
    }


def script_text(
    terms: SlurmTerms, submission: Path, workers: Path, job_name: str, array_size: int, throttle: int
) -> str:
    """Return the batch script that would be submitted, without needing SLURM."""
    from submitit.slurm.slurm import _make_sbatch_string

    parameters = submitit_parameters(terms, submission, workers, job_name, throttle)
    command = f"{terms.python} -u -m submitit.core._submit {shlex.quote(str(workers))}"
    text = _make_sbatch_string(
        command=command, folder=workers, map_count=array_size if array_size > 1 else None, **parameters
    )
    return with_plain_percents(str(text), workers)


def with_plain_percents(script: str, workers: Path) -> str:
    """Return a batch script whose logs go where they should: SLURM reads "%" in the folder's name as a pattern."""
    folder = shlex.quote(str(workers)).rstrip("'")
    return script.replace(f"{folder}/%", f"{folder.replace('%', '%%')}/%")


def refuse_patterns(workers: Path) -> None:
    """Refuse a folder whose name holds what submitit itself puts the numbers of a job in the place of."""
    if found := re.search("%[jtAa]", str(workers)):
        raise UsageError(
            f'{workers}: found "{found[0]}" in the path of the store, which stands for the number of a job there; '
            "expected a path without it; type: --store DIR"
        )
