#!/usr/bin/env bash
# slurm.sh SORAGRAD QUICKSTART FOLDER: a real Slurm on this machine alone - munged, slurmctld and slurmd
# of Debian's slurm-wlm, started as root with keys, ports and folders of their own - runs the emitted
# array of a 12-run grid. One task is killed with KILL and queued again, one is told by SIGUSR1 that
# its time is over. The table equals the one of a single process to the byte.
# Prints "SKIPPED: why" if it cannot run here.
set -euo pipefail
soragrad=$(readlink -f -- "$1") quickstart=$(readlink -f -- "$2") folder=$3
for program in munged slurmctld slurmd sbatch scontrol scancel squeue; do
  [ -n "$(PATH=$PATH:/usr/sbin command -v "$program")" ] || {
    echo "SKIPPED: $program is not installed (slurm-wlm, munge)"
    exit 0
  }
done
[ "$(id -u)" = 0 ] || {
  echo "SKIPPED: Slurm's daemons want root"
  exit 0
}
PATH=$PATH:/usr/sbin
rm -rf -- "$folder"
mkdir -p -- "$folder/glue/CoLA" "$folder/spool" "$folder/state"
cd -- "$folder"
here=$PWD host=$(hostname -s) cores=$(nproc) port=$((20000 + $$ % 20000))
daemons=()
finish() {
  for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
  [ ! -s munged.pid ] || kill "$(cat munged.pid)" 2>/dev/null || true
}
trap finish EXIT

head -c 1024 /dev/urandom >munge.key
chmod 400 munge.key
munged --force --key-file="$here/munge.key" --socket="$here/munge.socket" --num-threads=2 \
  --pid-file="$here/munged.pid" --log-file="$here/munged.log" --seed-file="$here/munge.seed"
cat >slurm.conf <<CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$here/munge.socket
CredType=cred/munge
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$here/state
SlurmdSpoolDir=$here/spool
SlurmctldPidFile=$here/slurmctld.pid
SlurmdPidFile=$here/slurmd.pid
SlurmctldLogFile=$here/slurmctld.log
SlurmdLogFile=$here/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=2,batch_sched_delay=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$here/slurm.conf
slurmctld -D >slurmctld.out 2>&1 &
daemons+=($!)
slurmd -D >slurmd.out 2>&1 &
daemons+=($!)
for ((i = 0; i < 60; ++i)); do
  sinfo -h -o %T 2>/dev/null | grep -q idle && break
  sleep 1
done
sinfo -h -o %T | grep -q idle || {
  tail -n 20 ./*.log ./*.out
  exit 1
}

for part in train dev; do
  head -n 160 "$quickstart/data/CoLA/$part.tsv" >"glue/CoLA/$part.tsv"
done
cat >recipe.yaml <<YAML
output: whole
seeds: [1, 2, 3]
common:
  model: $quickstart/model
  data: glue
  max_steps: 16
  save_steps: 4
  eval_steps: 16
  per_device_train_batch_size: 8
  learning_rate: 5.0e-3
  threads: 1
methods:
  sora-r4: {method: sora, r: 4, xi: 0.5}
  lora: {r: 4}
  houlsby: {bottleneck: 4}
  bitfit: {}
tasks: {cola: {}}
YAML
array="an array 100%a"  # a blank, and what Slurm replaces in names of logs
"$soragrad" table recipe.yaml --format csv >whole.csv 2>whole.log
"$soragrad" table recipe.yaml output="$array" --emit slurm --jobs 2 >array.sh
grep -q '^#SBATCH --array=0-11%2$' array.sh
job=$(sbatch --parsable --time=10 array.sh)

# The first two tasks that are seen at work: KILL for one, the end of its time for the other.
task_at_work() {  # the number of a running task that has not been used yet
  squeue -h -j "$job" -t RUNNING -o %K | grep -vx -e "${1:-none}" | head -n 1
}
victim=
for ((i = 0; i < 600; ++i)); do
  victim=$(task_at_work) && [ -n "$victim" ] && compgen -G "$array/*/metrics.jsonl" >/dev/null && break
  sleep 0.1
done
[ -n "$victim" ] || { echo "no task ran"; tail -n 20 ./*.log "$array"/logs/*; exit 1; }
scancel --signal=KILL --full "${job}_$victim"
other=
for ((i = 0; i < 100; ++i)); do
  other=$(task_at_work "$victim") && [ -n "$other" ] && break
  sleep 0.1
done
told() { grep -qs '^stopped by signal 10 ' "$array"/logs/cola-*.log; }
for ((i = 0; i < 20; ++i)); do  # a task that just begins cannot be told yet
  [ -n "$other" ] && ! told || break
  timeout 2 scancel --signal=USR1 --batch "${job}_$other" 2>/dev/null || true
done
told || other=
for ((i = 0; i < 100; ++i)); do  # the killed task is over before it is queued again
  squeue -h -j "$job" -t RUNNING -o %K | grep -qx "$victim" || break
  sleep 0.1
done
scontrol requeue "${job}_$victim" || echo "task $victim was over before it was killed"

for ((i = 0; i < 600; ++i)); do
  [ -n "$(squeue -h -j "$job" -t PENDING,RUNNING,COMPLETING,CONFIGURING -o %i 2>/dev/null)" ] || break
  # Slurm lets a job that was queued again wait for two minutes; here nothing is gained by that.
  squeue -h -r -j "$job" -t PENDING -o '%F_%K %r' | sed -n 's/ BeginTime$//p' |
    xargs -r -I{} scontrol update JobId={} StartTime=now || true
  sleep 1
done
"$soragrad" table recipe.yaml output="$array" --status
"$soragrad" table recipe.yaml output="$array" --print-only --format csv >array.csv
cmp whole.csv array.csv || { tail -n 5 "$array"/logs/*; exit 1; }
[ "$(find "$array/logs" -name 'cola-*.log' | wc -l)" = 12 ]
[ "$(find "$array/logs" -name 'slurm-*_*.log' | wc -l)" = 12 ]

# One run by two processes of a step: the bits of one process. Open MPI finds the processes by PMIx.
if "$soragrad" --version | grep -q '^backends .*mpi' && srun --mpi=list 2>&1 | grep -q pmix; then
  one=(model="$quickstart/model" data=glue task=cola max_steps=12 gradient_accumulation_steps=4
    per_device_train_batch_size=4 learning_rate=5e-3 logging_steps=1 hidden_dropout_prob=0.1)
  "$soragrad" train "${one[@]}" threads=1 output=one >one.out 2>one.err
  srun --mpi=pmix -n 2 "$soragrad" train "${one[@]}" output=two >two.out 2>two.err ||
    { tail -n 20 two.err slurmd.log; exit 1; }
  cmp one/final/adapter_model.safetensors two/final/adapter_model.safetensors
  grep '"threads": 1' two/results.json >/dev/null || { echo "not a core each"; exit 1; }
  srun --mpi=none -n 2 "$soragrad" train "${one[@]}" output=apart >apart.out 2>apart.err &&
    { echo "two processes that cannot reach each other trained"; exit 1; }
  [ "$(grep -c -e '--mpi=pmix' apart.err)" = 1 ] || { cat apart.err; exit 1; }
  echo "srun -n 2: the bits of one process"
else
  echo "not tried: srun -n 2 (no MPI in this build, or no PMIx in this Slurm)"
fi
echo "an array of 12 runs, task $victim killed, task ${other:-none} told to stop: the same table"

# SPDX-License-Identifier: Apache-2.0
