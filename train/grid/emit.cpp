#include "train/grid/emit.h"

#include <string_view>

#include "core/error.h"
#include "core/text.h"
#include "train/run/shell_word.h"

namespace soragrad::train {

namespace {

std::string command_of(const EmitRequest& request) {
  std::string text =
      fmt::format("{} table {}", shell_word(request.program), shell_word(request.recipe));
  for (const std::string& argument : request.arguments) text += " " + shell_word(argument);
  return text + " " + shell_word("output=" + request.output) + " --worker --runs";
}

std::string tasks_text(const EmitRequest& request) {
  std::string lines;
  for (const std::string& run : request.runs) {
    lines += fmt::format("cd {} && {} {}\n", shell_word(request.folder), command_of(request),
                         shell_word(run));
  }
  return lines;
}

// A shell function that does one run and writes its log: `run_one NAME`.
// A signal of the engine goes on to the run, which saves and ends with 75; $stopped tells it apart
// from a run that ended with 75 because of max_seconds.
std::string function_text(const EmitRequest& request) {
  return fmt::format(R"(cd {} || exit 1
logs={}
mkdir -p -- "$logs"
run_one() {{
  local child
  {} "$1" >>"$logs/${{1//\//_}}.log" 2>&1 &
  child=$!
  trap 'stopped=yes; kill -USR1 "$child" 2>/dev/null' USR1
  trap 'stopped=yes; kill -TERM "$child" 2>/dev/null' TERM
  while kill -0 "$child" 2>/dev/null; do wait "$child"; done
  wait "$child"
}}
)",
                     shell_word(request.folder), shell_word(request.output + "/logs"),
                     command_of(request));
}

constexpr std::string_view kAgain = R"(stopped=
again() {
  local code
  while run_one "$@"; code=$?; [ "$code" -eq 75 ] && [ -z "$stopped" ]; do :; done
  return "$code"
}
)";

// A path in a file name pattern of sbatch, within double quotes.
std::string slurm_pattern(const std::string& path) {
  std::string pattern;
  for (const char c : path) {
    if (c == '%') pattern += '%';
    if (c == '"' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

std::string slurm_text(const EmitRequest& request) {
  return fmt::format(
      R"(#!/bin/bash
#SBATCH --job-name=soragrad
#SBATCH --array=0-{}%{}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={}
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output="{}/logs/slurm-%A_%a.log"
# One task a run, costliest first. Submit with what your cluster wants:
#   sbatch --time=8:00:00 --mem=16G [--partition=P] [--gres=gpu:1] THIS_FILE
# A run that reaches the time limit saves, ends with 75 and is queued again.
runs=(
{}
)
{}run_one "${{runs[$SLURM_ARRAY_TASK_ID]}}"
code=$?
[ "$code" -ne 75 ] || scontrol requeue "$SLURM_JOB_ID"
exit "$code"
)",
      request.runs.size() - 1, request.at_once, request.threads, slurm_pattern(request.output),
      fmt::join(request.runs, "\n"), function_text(request));
}

std::string parallel_text(const EmitRequest& request) {
  return fmt::format(
      R"(#!/bin/bash
# One job a run, costliest first, by GNU parallel. Stopping parallel by TERM twice, or a --timeout
# that you add, gives each run 120 s to save.
{}{}export logs stopped
export -f run_one again
parallel --jobs {} --joblog "$logs/parallel.log" \
  --termseq USR1,120000,TERM,10000,KILL,25 "$@" again {{}} <<'RUNS'
{}
RUNS
)",
      function_text(request), kAgain, request.at_once, fmt::join(request.runs, "\n"));
}

std::string hq_text(const EmitRequest& request) {
  return fmt::format(
      R"hq(#!/bin/bash
# One task a run, costliest first, by HyperQueue. THIS_FILE [SECONDS]: SECONDS is what an allocation
# lasts. A task saves 120 s before it has run that long and goes on. If its worker ends meanwhile,
# HyperQueue starts the task on another one, where it goes on from the checkpoint.
if [ -n "${{HQ_ENTRY:-}}" ]; then
{}{}trap 'kill -USR1 "$child" 2>/dev/null' USR2
set -m
[ -z "${{seconds:-}}" ] || (sleep "$((seconds - 120))" && kill -USR2 $$) &
timer=$!
set +m
again "$HQ_ENTRY"
code=$?
kill -- "-$timer" 2>/dev/null
exit "$code"
fi
logs={}
mkdir -p -- "$logs"
cat >"$logs/hq-runs.txt" <<'RUNS'
{}
RUNS
exec hq submit --name soragrad --cpus={} --each-line "$logs/hq-runs.txt" --crash-limit=100 \
  --stdout "$logs/hq-%{{TASK_ID}}.out" --stderr "$logs/hq-%{{TASK_ID}}.err" \
  ${{1:+--env "seconds=$1"}} -- bash "$(readlink -f -- "$0")"
)hq",
      function_text(request), kAgain, shell_word(request.output + "/logs"),
      fmt::join(request.runs, "\n"), request.threads);
}

}  // namespace

std::string emit_text(const EmitRequest& request) {
  if (request.engine == "tasks") return tasks_text(request);
  if (request.engine != "slurm" && request.engine != "parallel" && request.engine != "hq") {
    throw UsageError(fmt::format("[table] --emit is {}; expected tasks, slurm, parallel or hq.",
                                 quote(request.engine)));
  }
  if (request.runs.empty()) return "#!/bin/bash\n# No run is left.\n";
  if (request.engine == "slurm") return slurm_text(request);
  return request.engine == "parallel" ? parallel_text(request) : hq_text(request);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
