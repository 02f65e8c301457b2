#!/usr/bin/env bash
# A private SLURM cluster in one folder: slurmctld, slurmdbd, MariaDB, munge and two nodes with four pretended GPUs each.
#
#   cluster.sh install        apt-get the packages (root, Debian), keeping the packages' own daemons off
#   cluster.sh missing        name the programs that are missing (exit code 1 if any)
#   cluster.sh up             start everything; does nothing to what already runs
#   cluster.sh down           stop everything that this script started (by pid file)
#   cluster.sh wipe           down, then delete the folder
#   cluster.sh status         which daemons run, sinfo
#   cluster.sh cgroups        say why CGROUP=1 cannot be had here (exit code 1 then)
#   cluster.sh env            print the exports; use as: eval "$(cluster.sh env)"
#   cluster.sh node-fail N    kill slurmd, the step daemons and the jobs of node N (dgx1, dgx2): the machine dies
#   cluster.sh node-cut N     kill slurmd only: SLURM gives the node up, its jobs live on
#   cluster.sh node-up N      start slurmd of node N again
#   cluster.sh ctl-down|ctl-up|dbd-down|dbd-up    stop / start slurmctld or slurmdbd only
#
# Settings (environment):
#   CLUSTER_DIR    folder that holds everything (default: hpcsweep-slurm in the temporary directory)
#   CLUSTER_PORT   base of the port block used (default 26800; +1 +2 +3 +21 +22 are taken)
#   ACCT=0         no slurmdbd/MariaDB (then there is no sacct)
#   CGROUP=1       memory limits by cgroup v1 (root only): OUT_OF_MEMORY instead of FAILED. The groups are named after
#                  the nodes, so such a cluster needs a name of its own (NODE); `wipe` removes them
#   NODE           beginning of the nodes' names (default dgx: dgx1 and dgx2)
#   GPUS CPUS MEM  per node (default 4, 4, 10000 MB);  GPU_TYPE  the GPUs' type, such as t4 (default: none)
#   EXTRA_CONF     text appended to slurm.conf (the last value of a key wins);  NODE_EXTRA  appended to the NodeName line
# Partitions: teaching (default, first node), dgx, short (one minute), scavenge (preempted by) urgent, plain (QOS normal only), untimed.
# Accounting: QOS `normal` and `interactive` (4 running and 12 submitted jobs per user, one day), enforced.
# Nothing outside the folder is written, but for the control groups of CGROUP=1.  Runs as root or as any user (as a user, only that user's jobs can run).
set -u
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
DIR=${CLUSTER_DIR:-${TMPDIR:-/tmp}/hpcsweep-slurm}
PORT=${CLUSTER_PORT:-26800}
ACCT=${ACCT:-1}
GPUS=${GPUS:-4}; CPUS=${CPUS:-4}; MEM=${MEM:-10000}
EXTRA_CONF=${EXTRA_CONF:-}; NODE_EXTRA=${NODE_EXTRA:-}
NODE=${NODE:-dgx}; NODES="${NODE}1 ${NODE}2"
CGROUPS=/sys/fs/cgroup
ME=$(id -un)
DIR=$(readlink -m "$DIR")
SOCK=$DIR/munge/s
export SLURM_CONF=$DIR/etc/slurm.conf
unset SLURM_TIME_FORMAT SACCT_FORMAT SQUEUE_FORMAT SINFO_FORMAT

die() { echo "cluster.sh: $*" >&2; exit 1; }
note() { [ -n "${QUIET:-}" ] || echo "cluster.sh: $*" >&2; }

alive() { # pidfile, word that the command line must hold
  local p; p=$(cat "$1" 2>/dev/null) || return 1
  [ -n "$p" ] && [ -r "/proc/$p/cmdline" ] && tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -q -- "$2" \
    && ! grep -q '^State:[[:space:]]*Z' "/proc/$p/status" 2>/dev/null
}
wait_for() { # seconds, command...
  local n=$(( $1 * 10 )); shift
  while ! "$@" >/dev/null 2>&1; do n=$((n-1)); [ $n -le 0 ] && return 1; sleep 0.1; done
}
stop() { # pidfile, word, seconds until -9
  if alive "$1" "$2"; then
    local p; p=$(cat "$1"); kill "$p" 2>/dev/null
    local n=$(( $3 * 10 )); while alive "$1" "$2" && [ $n -gt 0 ]; do sleep 0.1; n=$((n-1)); done
    alive "$1" "$2" && kill -9 "$p" 2>/dev/null
  fi
  rm -f "$1"
}
# slurmstepd hides its arguments and environment; its log file tells whose it is
stepds() { # node, or * for all
  local d f; for d in /proc/[0-9]*; do
    case "$(readlink "$d/exe" 2>/dev/null)" in */slurmstepd*) ;; *) continue;; esac
    for f in "$d"/fd/*; do
      case "$(readlink "$f" 2>/dev/null)" in "$DIR"/log/slurmd-$1.log) echo "${d#/proc/}"; break;; esac
    done
  done
}
tree() { # pid and all its descendants
  local k; echo "$1"; for k in $(pgrep -P "$1"); do tree "$k"; done
}
kill_steps() { local s; for s in $(stepds "$1"); do kill -9 $(tree "$s") 2>/dev/null; done; }

PROGRAMS="slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client slurmdbd:slurmdbd mariadbd:mariadb-server munged:munge"
missing() { local p; for p in $PROGRAMS; do command -v "${p%%:*}" >/dev/null || echo "${p##*:}"; done; }
cmd_missing() { local m; m=$(missing | tr '\n' ' '); [ -z "$m" ] || { echo "${m% }"; return 1; }; }
cmd_cgroups() { # what CGROUP=1 needs
  [ "$(id -u)" = 0 ] || { echo "cgroups need root"; return 1; }
  local g; for g in memory freezer; do
    [ -w $CGROUPS/$g/cgroup.procs ] || { echo "$CGROUPS/$g is no writable cgroup of version 1"; return 1; }
  done
}
cmd_install() {
  [ -n "$(missing)" ] || { note "packages are there"; return; }
  [ "$(id -u)" = 0 ] || die "install needs root"
  command -v apt-get >/dev/null || die "install knows Debian's apt-get only; install by hand: $(missing | tr '\n' ' ')"
  # no daemon may start from the packages' scripts
  local pol=/usr/sbin/policy-rc.d made=
  [ -e $pol ] || { printf '#!/bin/sh\nexit 101\n' >$pol; chmod 755 $pol; made=1; }
  export DEBIAN_FRONTEND=noninteractive
  local apt="apt-get -qq -o DPkg::Lock::Timeout=300"
  $apt update && $apt install -y --no-install-recommends \
     slurm-wlm slurm-wlm-mysql-plugin slurmdbd mariadb-server munge >/dev/null
  local rc=$?; [ -n "$made" ] && rm -f $pol
  [ $rc = 0 ] || die "apt-get failed"
}

. "$(dirname "$(readlink -f "$0")")/cluster_conf.sh"

start_munge() {
  alive "$DIR/run/munged.pid" munged && [ -S "$SOCK" ] && return
  rm -f "$SOCK" "$SOCK.lock"
  munged --force --key-file="$DIR/munge/key" --socket="$SOCK" --pid-file="$DIR/run/munged.pid" \
     --log-file="$DIR/log/munged.log" --seed-file="$DIR/munge/seed" --num-threads=4 2>>"$DIR/log/munged.err" </dev/null
  wait_for 10 munge -S "$SOCK" -n || die "munged does not answer, see $DIR/log/munged.log"
}
MYSOCK=$DIR/mysql/s
start_mysql() {
  alive "$DIR/run/mysqld.pid" mariadbd && return
  local as=(); [ "$(id -u)" = 0 ] && as=(--user=root)
  local fast=(--innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --skip-log-bin --innodb-buffer-pool-size=64M
     --innodb-log-file-size=32M --performance-schema=OFF --skip-name-resolve --innodb-lock-wait-timeout=900 --max-allowed-packet=64M)
  local first=
  if [ ! -d "$DIR/mysql/data/mysql" ]; then
    first=1; rm -rf "$DIR/mysql/data"
    mariadb-install-db --no-defaults "${as[@]}" --datadir="$DIR/mysql/data" --auth-root-authentication-method=normal \
       --skip-test-db --cross-bootstrap >"$DIR/log/mysql-install.log" 2>&1 || die "mariadb-install-db failed, see $DIR/log/mysql-install.log"
    cat >"$DIR/mysql/init.sql" <<EOC
create database if not exists slurm_acct_db;
create user if not exists 'slurm'@'127.0.0.1' identified by 'slurm';
grant all on slurm_acct_db.* to 'slurm'@'127.0.0.1';
EOC
    chmod 644 "$DIR/mysql/init.sql"
  fi
  setsid mariadbd --no-defaults "${as[@]}" --datadir="$DIR/mysql/data" --socket="$MYSOCK" --port=$((PORT+3)) \
     --bind-address=127.0.0.1 --pid-file="$DIR/run/mysqld.pid" "${fast[@]}" --init-file="$DIR/mysql/init.sql" \
     >"$DIR/log/mysqld.log" 2>&1 </dev/null &
  wait_for 60 mariadb-admin --no-defaults --socket="$MYSOCK" -u slurm ping || \
    wait_for 5 grep -q 'ready for connections' "$DIR/log/mysqld.log" || die "mariadbd does not start, see $DIR/log/mysqld.log"
}
dbd_ok() { sacctmgr -n -i show cluster; }
start_dbd() {
  alive "$DIR/run/slurmdbd.pid" slurmdbd && return
  slurmdbd </dev/null || die "slurmdbd does not start, see $DIR/log/slurmdbd.log"
  wait_for 30 dbd_ok || die "slurmdbd does not answer, see $DIR/log/slurmdbd.log"
  [ -n "$(sacctmgr -n -P show cluster format=cluster | grep -x testcluster)" ] || sacctmgr -i add cluster testcluster >/dev/null
  [ -n "$(sacctmgr -n -P show qos interactive format=name)" ] && return
  { sacctmgr -i add qos interactive MaxWall=1-00:00:00 MaxJobsPerUser=4 MaxSubmitJobsPerUser=12
    sacctmgr -i add account students Cluster=testcluster Description=students Organization=students
    sacctmgr -i add user "$ME" Account=students Cluster=testcluster
    sacctmgr -i modify user "$ME" set qos=normal,interactive defaultqos=normal; } >/dev/null 2>>"$DIR/log/sacctmgr.err"
}
start_ctl() {
  alive "$DIR/run/slurmctld.pid" slurmctld && return
  slurmctld </dev/null >/dev/null 2>&1 || die "slurmctld does not start, see $DIR/log/slurmctld.log"
  wait_for 20 scontrol ping || die "slurmctld does not answer"
}
start_node() {
  alive "$DIR/run/slurmd-$1.pid" slurmd && return
  slurmd -N "$1" </dev/null >/dev/null 2>&1 || die "slurmd -N $1 does not start, see $DIR/log/slurmd-$1.log"
}
nodes_ok() { [ "$(sinfo -h -N -o '%N %t' | sort -u | grep -Ec ' (idle|mix|alloc|comp)$')" = "$(echo $NODES | wc -w)" ]; }

cmd_up() {
  for p in slurmctld slurmd sbatch munged; do command -v $p >/dev/null || die "$p is missing: as root, type: $0 install"; done
  local t0; t0=$(date +%s%N)
  [ ${#SOCK} -lt 100 ] || die "DIR is too long for a unix socket"
  write_conf
  start_munge
  if [ "$ACCT" = 1 ]; then start_mysql; start_dbd; fi
  start_ctl
  for n in $NODES; do start_node $n; done
  local i=0
  until nodes_ok; do
    i=$((i+1)); [ $i -gt 300 ] && { sinfo -N; die "nodes do not come up"; }
    [ $((i % 50)) = 0 ] && for n in $NODES; do scontrol update nodename=$n state=resume 2>/dev/null; done
    sleep 0.1
  done
  note "up in $(( ($(date +%s%N)-t0)/1000000 )) ms; type: eval \"\$(CLUSTER_DIR=$DIR $0 env)\""
}
stop_node() { # name, signal for steps
  stop "$DIR/run/slurmd-$1.pid" slurmd 5
}
cmd_down() {
  [ -e "$DIR/etc/slurm.conf" ] || { note "nothing at $DIR"; return 0; }
  if alive "$DIR/run/slurmctld.pid" slurmctld && [ -z "${KEEP_JOBS:-}" ]; then
     timeout 20 scancel --me 2>/dev/null; [ "$(id -u)" = 0 ] && timeout 20 squeue -h -o %u 2>/dev/null | sort -u | while read -r u; do timeout 20 scancel -u "$u"; done
     wait_for 5 bash -c '[ -z "$(squeue -h -t R,CG)" ]'
  fi
  stop "$DIR/run/slurmctld.pid" slurmctld 10
  for n in $NODES; do stop_node $n; done
  kill_steps '*'
  stop "$DIR/run/slurmdbd.pid" slurmdbd 10
  stop "$DIR/run/mysqld.pid" mariadbd 20
  stop "$DIR/run/munged.pid" munged 5
  rm -f "$SOCK" "$SOCK.lock"
  note "down"
}
remove_cgroups() {
  [ "${CGROUP:-0}" = 1 ] || return 0
  local n; for n in $NODES; do find $CGROUPS/*/slurm_"$n" -depth -type d -exec rmdir {} + 2>/dev/null; done
}
cmd_wipe() { cmd_down; remove_cgroups; case "$DIR" in /|/home|/tmp|/root|"") die "will not delete $DIR";; esac; rm -rf "$DIR"; }
cmd_status() {
  for d in munged:munged mysqld:mariadbd slurmdbd:slurmdbd slurmctld:slurmctld "slurmd-${NODE}1:slurmd" "slurmd-${NODE}2:slurmd"; do
    if alive "$DIR/run/${d%%:*}.pid" "${d##*:}"; then echo "${d%%:*} up ($(cat "$DIR/run/${d%%:*}.pid"))"; else echo "${d%%:*} down"; fi; done
  timeout 10 sinfo -N -o '%N %t %P %G' 2>&1
}
cmd_env() { echo "export SLURM_CONF=$SLURM_CONF"; }
cmd_node_fail() { # the machine dies: slurmd, step daemons and all their children
  kill -9 "$(cat "$DIR/run/slurmd-$1.pid")" 2>/dev/null; kill_steps "$1"; rm -f "$DIR/run/slurmd-$1.pid"
}
cmd_node_cut() { # the network to it breaks: Slurm gives the node up, its jobs live on
  kill -9 "$(cat "$DIR/run/slurmd-$1.pid")" 2>/dev/null; rm -f "$DIR/run/slurmd-$1.pid"
}

c=${1:-}; shift 2>/dev/null
case "$c" in
  install) cmd_install;; missing) cmd_missing;; cgroups) cmd_cgroups;; up) cmd_up;; down) cmd_down;; wipe) cmd_wipe;; status) cmd_status;; env) cmd_env;;
  node-fail) cmd_node_fail "$1";; node-cut) cmd_node_cut "$1";; node-up) start_node "$1";;
  ctl-down) stop "$DIR/run/slurmctld.pid" slurmctld 10;; ctl-up) start_ctl;;
  dbd-down) stop "$DIR/run/slurmdbd.pid" slurmdbd 10;; dbd-up) start_dbd;;
  *) sed -n '2,/^set -u/s/^#//p' "$0"; exit 2;;
esac
