#!/bin/bash

# Parameters
#SBATCH --array=0-1%2
#SBATCH --comment=hpcsweep
#SBATCH --cpus-per-task=1
#SBATCH --job-name=golden.3a965607
#SBATCH --mem=286M
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=/home/student/study/results/sweeps/golden/20261125-193817-000/workers/%A_%a_0_log.out
#SBATCH --partition=dgx
#SBATCH --requeue
#SBATCH --signal=USR2@30
#SBATCH --time=5

# setup
hpcsweep_task="${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
hpcsweep_files=/home/student/study/results/sweeps/golden/20261125-193817-000/workers/"$hpcsweep_task"
hpcsweep_next_file="$hpcsweep_files.${SLURM_RESTART_COUNT:-0}.next"
hpcsweep_say() {
  printf '{"event":"%s","code":%d,"restart":%d,"time":%d,"host":"%s"}\n' \
    "$1" "$2" "${SLURM_RESTART_COUNT:-0}" "$(date +%s)" "${SLURMD_NODENAME:-$(hostname)}" >>"$hpcsweep_files.events"
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
  /home/student/venv/bin/python -m hpcsweep.scheduler.slurm_again /home/student/study/results/sweeps/golden/20261125-193817-000 "$hpcsweep_task"
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
export HPCSWEEP_TASK="$hpcsweep_task" HPCSWEEP_BEGAN="$(date +%s)" HPCSWEEP_EVENTS="$hpcsweep_files.events"
export HPCSWEEP_TIME_LEFT="$(squeue -h -j "$hpcsweep_task" -o %L 2>/dev/null)"
export STUDY=golden
[ "$?" -eq 0 ] || { echo 'hpcsweep: this set-up line of the profile failed: export STUDY=golden' >&2; exit 78; }

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output /home/student/study/results/sweeps/golden/20261125-193817-000/workers/%A_%a_%t_log.out --cpus-per-task=1 /home/student/venv/bin/python -u -m submitit.core._submit /home/student/study/results/sweeps/golden/20261125-193817-000/workers
