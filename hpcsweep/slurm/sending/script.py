"""The batch script around a worker: what SLURM reads, and what the host does before Python starts and after it ends.

A node calls SLURM's commands only here, in the shell of the host, since a container has none.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from hpcsweep.slurm.terms import SlurmTerms, require_plain
from hpcsweep.slurm.watching.causes import SETUP_FAILED_CODE, UNFIT_PYTHON_CODE
from hpcsweep.store.task_files import EVENTS_SUFFIX, NEXT_SUFFIX

SIGNAL = "USR2"
# read by whatever Python there is, so in the syntax of Python 2 and 3.0
CHECK_PYTHON = (
    "import sys; v = sys.version_info[:2]; import pkgutil\n"
    "has = [m[1] for m in pkgutil.iter_modules() if m[1] == 'numpy']\n"
    "n = tuple(int(p) for p in __import__('numpy').__version__.split('.')[:2]) if has and v >= (3, 9) else (0, 0)\n"
    "bad = 'Python %d.%d' % v if v < (3, 9) else 'no NumPy' if not has else 'NumPy %d.%d' % n if n < (1, 23) else ''\n"
    "bad and sys.stderr.write('hpcsweep: found ' + bad + ' for the workers, expected Python 3.9 and NumPy 1.23 or newer"
    "\\n')\n"
    f"bad and sys.exit({UNFIT_PYTHON_CODE})"
)

# The EXIT trap runs however the worker ends, unless the whole node is lost. SIGTERM must not end the shell before the
# worker has written its checkpoint, but must end what the shell starts, so it is caught and not ignored.
# `return` says 0 explicitly: in a trap its default is the status from before the trap.
# A task that was cancelled, or requeued by somebody, must not be brought back to life. Only a task that still runs may
# continue, or one that stopped as it should but a moment too late.
_BEGIN = """\
hpcsweep_task="${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
hpcsweep_files=@WORKERS@/"$hpcsweep_task"
hpcsweep_next_file="$hpcsweep_files.${SLURM_RESTART_COUNT:-0}@NEXT@"
hpcsweep_say() {
  printf '{"event":"%s","code":%d,"restart":%d,"time":%d,"host":"%s"}\\n' \\
    "$1" "$2" "${SLURM_RESTART_COUNT:-0}" "$(date +%s)" "${SLURMD_NODENAME:-$(hostname)}" >>"$hpcsweep_files@EVENTS@"
}
hpcsweep_may_go_on() {
  for hpcsweep_try in 1 2 3 4 5 6; do
    hpcsweep_state="$(squeue -h -j "$hpcsweep_task" -o '%T %r' 2>/dev/null)" && break
    sleep 3
  done
  case "$hpcsweep_state" in "RUNNING "*|"COMPLETING TimeLimit") ;; *) return 1 ;; esac
}
hpcsweep_requeue() {
  scontrol requeue "$hpcsweep_task" && return 0
  scontrol update jobid="$hpcsweep_task" requeue=1 && scontrol requeue "$hpcsweep_task"
}
hpcsweep_resubmit() {
  @HOST_PYTHON@ -m hpcsweep.slurm.sending.resubmit @SUBMISSION@ "$hpcsweep_task"
}
hpcsweep_end() {
  hpcsweep_code=$?
  trap - EXIT
  hpcsweep_say exit "$hpcsweep_code"
  hpcsweep_next="$(cat "$hpcsweep_next_file" 2>/dev/null)"
  rm -f "$hpcsweep_next_file"
  if [ -n "$hpcsweep_next" ] && hpcsweep_may_go_on; then
    case "$hpcsweep_next" in
      resubmit) hpcsweep_resubmit || hpcsweep_requeue || hpcsweep_say left 0 ;;
      requeue) hpcsweep_requeue || hpcsweep_resubmit || hpcsweep_say left 0 ;;
    esac
  fi
  exit "$hpcsweep_code"
}
trap hpcsweep_end EXIT
trap : TERM
export HPCSWEEP_TASK="$hpcsweep_task" HPCSWEEP_BEGAN="$(date +%s)" HPCSWEEP_EVENTS="$hpcsweep_files@EVENTS@"
export HPCSWEEP_TIME_LEFT="$(squeue -h -j "$hpcsweep_task" -o %L 2>/dev/null)\""""


def setup_lines(terms: SlurmTerms, submission: Path, workers: Path) -> list[str]:
    """Return the shell lines that run on the host before the worker."""
    begin = _BEGIN
    for mark, text in (
        ("@WORKERS@", shlex.quote(str(workers))),
        ("@SUBMISSION@", shlex.quote(str(submission))),
        ("@HOST_PYTHON@", shlex.quote(terms.host_python)),
        ("@EVENTS@", EVENTS_SUFFIX),
        ("@NEXT@", NEXT_SUFFIX),
    ):
        begin = begin.replace(mark, text)
    lines = begin.splitlines()
    for name, value in terms.environment.items():
        lines.append(f"export {name}={shlex.quote(value)}")
    for line in [*(f"module load {shlex.quote(module)}" for module in terms.modules), *terms.setup]:
        lines += [line, _or_stop(line)]
    return [*lines, *_check_python(terms)]


def _check_python(terms: SlurmTerms) -> list[str]:
    """Return lines that end the task in words if the Python of a profile cannot run the worker bundle.

    Any other trouble (no such container, say) is left to the worker's start, which is told by its own exit code.
    """
    if not terms.bundle:
        return []
    return [f"{terms.python} -c {shlex.quote(CHECK_PYTHON)}", f'[ "$?" -ne {UNFIT_PYTHON_CODE} ] || exit "$?"']


def _or_stop(line: str) -> str:
    said = shlex.quote(f"hpcsweep: this set-up line of the profile failed: {line}")
    return f'[ "$?" -eq 0 ] || {{ echo {said} >&2; exit {SETUP_FAILED_CODE}; }}'


def submitit_parameters(terms: SlurmTerms, submission: Path, workers: Path, job_name: str) -> dict[str, Any]:
    """Return submitit's parameters for one array of workers."""
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
        "array_parallelism": max(1, terms.at_once),
        "additional_parameters": {"signal": f"{SIGNAL}@{lead_s}", "requeue": True},
    }


def script_text(terms: SlurmTerms, submission: Path, workers: Path, job_name: str, array_size: int) -> str:
    """Return the batch script that would be submitted, without needing SLURM."""
    from submitit.slurm.slurm import _make_sbatch_string

    parameters = submitit_parameters(terms, submission, workers, job_name)
    command = f"{terms.python} -u -m submitit.core._submit {shlex.quote(str(workers))}"
    return str(
        _make_sbatch_string(
            command=command, folder=workers, map_count=array_size if array_size > 1 else None, **parameters
        )
    )
