# Sourced by cluster.sh: what it writes into etc/ of the cluster's folder, from that script's settings.
# shellcheck shell=bash disable=SC2154

write_conf() {
  mkdir -p "$DIR"/{etc,munge,mysql,state,spool,log,run,dev} || die "cannot write $DIR"
  chmod 755 "$DIR" "$DIR"/{etc,munge,state,spool,log,run,dev}
  [ -s "$DIR/munge/key" ] || { (umask 077; head -c 128 /dev/urandom >"$DIR/munge/key"); }
  chmod 600 "$DIR/munge/key"
  local i n; local addr=$((PORT+20))
  # Slurm sets CUDA_VISIBLE_DEVICES only if File= is a character device; a link to /dev/null is one, needs no root
  : >"$DIR/etc/gres.conf.new"
  for n in $NODES; do
    mkdir -p "$DIR/spool/$n"
    i=0; while [ $i -lt "$GPUS" ]; do [ -L "$DIR/dev/$n-gpu$i" ] || ln -sfn /dev/null "$DIR/dev/$n-gpu$i"; i=$((i+1)); done
    [ "$GPUS" -gt 0 ] && echo "NodeName=$n Name=gpu ${GPU_TYPE:+Type=$GPU_TYPE} File=$DIR/dev/$n-gpu[0-$((GPUS-1))]" >>"$DIR/etc/gres.conf.new"
  done
  mv "$DIR/etc/gres.conf.new" "$DIR/etc/gres.conf"
  local acct="AccountingStorageType=accounting_storage/none"
  [ "$ACCT" = 1 ] && acct="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((PORT+2))
AccountingStoragePass=$SOCK"
  local tres=; [ "$ACCT" = 1 ] && tres="AccountingStorageTRES=gres/gpu"
  local enforce=; [ "$ACCT" = 1 ] && enforce="AccountingStorageEnforce=associations,limits,qos"
  # memory limits: by polling (a job over its limit ends as FAILED 9:0), or CGROUP=1: by cgroups (OUT_OF_MEMORY; root, cgroup v1)
  local track="ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherParams=OverMemoryKill"
  # slurmd 22.05 wants a cgroup plugin even if nothing uses it; autodetect fails where cgroups are not mounted
  # (chroot, containers) and cgroup/v2 wants systemd's dbus; v1 named outright needs neither
  echo 'CgroupPlugin=cgroup/v1' >"$DIR/etc/cgroup.conf"
  if [ "${CGROUP:-0}" = 1 ]; then
    track="ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup"
    printf 'CgroupPlugin=cgroup/v1\nCgroupMountpoint=%s\nConstrainRAMSpace=yes\nConstrainSwapSpace=yes\nAllowedSwapSpace=0\n' $CGROUPS >"$DIR/etc/cgroup.conf"
  fi
  printf '#!/bin/sh\necho "$*" >>%s\n' "$DIR/log/mails" >"$DIR/etc/mail"; chmod 755 "$DIR/etc/mail"
  cat >"$DIR/etc/slurm.conf" <<EOC
ClusterName=testcluster
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$((PORT+1))
SlurmUser=$ME
SlurmdUser=$ME
AuthType=auth/munge
# cred_expire is also how long a requeued job waits before it may start again (default 120)
AuthInfo=socket=$SOCK,cred_expire=${CRED_EXPIRE:-5}
CredType=cred/munge
MpiDefault=none
MailProg=$DIR/etc/mail
$track
SwitchType=switch/none
ReturnToService=2
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd-%n.pid
SlurmdSpoolDir=$DIR/spool/%n
StateSaveLocation=$DIR/state
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd-%n.log
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1,default_queue_depth=1000,defer_batch
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
GresTypes=gpu
$acct
$tres
$enforce
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=${GATHER_S:-1}
KillWait=${KILL_WAIT:-3}
OverTimeLimit=0
# a step that ended while slurmctld was away needs half a minute more to go; its node must not be drained for that
UnkillableStepTimeout=180
MaxArraySize=10001
MaxJobCount=20000
MinJobAge=300
SlurmctldTimeout=30
SlurmdTimeout=${SLURMD_TIMEOUT:-10}
MessageTimeout=10
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
NodeName=$NODE[1-2] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((addr+1))-$((addr+2))] CPUs=$CPUS RealMemory=$MEM Gres=gpu:${GPU_TYPE:+$GPU_TYPE:}$GPUS $NODE_EXTRA
PartitionName=teaching Nodes=${NODE}1 Default=YES MaxTime=1-0 DefaultTime=60 State=UP
PartitionName=dgx Nodes=$NODE[1-2] MaxTime=INFINITE DefaultTime=60 State=UP
PartitionName=short Nodes=$NODE[1-2] MaxTime=1 DefaultTime=1 State=UP
PartitionName=scavenge Nodes=$NODE[1-2] PriorityTier=0 PreemptMode=REQUEUE GraceTime=${GRACE_S:-10} DefaultTime=60 State=UP
PartitionName=urgent Nodes=$NODE[1-2] PriorityTier=10 DefaultTime=60 State=UP
PartitionName=plain Nodes=$NODE[1-2] DenyQos=interactive DefaultTime=60 State=UP
PartitionName=untimed Nodes=$NODE[1-2] DefaultTime=UNLIMITED State=UP
$EXTRA_CONF
EOC
  if [ "$ACCT" = 1 ]; then
    (umask 077; cat >"$DIR/etc/slurmdbd.conf" <<EOC
AuthType=auth/munge
AuthInfo=socket=$SOCK
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$((PORT+2))
SlurmUser=$ME
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$((PORT+3))
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
LogFile=$DIR/log/slurmdbd.log
PidFile=$DIR/run/slurmdbd.pid
EOC
    ); chmod 600 "$DIR/etc/slurmdbd.conf"
  fi
}
