#include "train/grid/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "core/text.h"
#include "train/run/number_text.h"
#include "train/run/results_file.h"

namespace soragrad::train {

namespace {

constexpr size_t kShownRuns = 20;  // of those that are left

// The number after the last `"key": ` of a text; 0 if there is none.
double last_number(const std::string& text, std::string_view key) {
  const std::string quoted = fmt::format("\"{}\": ", key);
  const size_t at = text.rfind(quoted);
  if (at == text.npos) return 0;
  double value = 0;
  std::from_chars(text.data() + at + quoted.size(), text.data() + text.size(), value);
  return value;
}

// The last lines of a file that grows.
std::string end_of(const std::string& path) {
  constexpr std::streamoff kBytes = 4096;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - kBytes));
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

RunStatus status_of(const Config& config, const GridRun& run) {
  RunStatus status;
  if (is_complete(run.folder)) {
    status.phase = RunPhase::done;
    status.share = 1;
    return status;
  }
  const std::string log = end_of(run.folder + "/metrics.jsonl");
  status.step = static_cast<int64_t>(last_number(log, "step"));
  double all = config.num_train_epochs;
  if (config.max_steps > 0) all = static_cast<double>(config.max_steps);
  if (config.max_steps <= 0 && config.schedule != "none" && config.xi_steps) {
    all += config.phase_epochs * static_cast<double>(*config.xi_steps - 1);
  }
  const double made =
      config.max_steps > 0 ? static_cast<double>(status.step) : last_number(log, "epoch");
  status.share = std::clamp(made / std::max(all, 1e-9), 0.0, 1.0);
  status.holder = lease_holder(run.folder);
  if (status.holder && !status.holder->is_stale) {
    status.phase = RunPhase::running;
    return status;
  }
  status.holder.reset();
  status.error = read_run_error(run.folder);
  if (status.error) status.phase = RunPhase::failed;
  return status;
}

std::string status_text(const Recipe& recipe, const std::vector<GridRun>& runs) {
  const RunCosts costs(recipe, runs);
  std::string running, failed, left;
  size_t done = 0, running_count = 0, failed_count = 0, left_count = 0;
  double seconds = 0;  // of the work that is left
  for (const size_t i : costs.costliest_first()) {
    const RunStatus status = status_of(config_of(recipe, runs[i]), runs[i]);
    const double rest = costs.seconds(i) * (1 - status.share);
    const std::string name = name_of(recipe, runs[i]);
    const std::string step = status.step > 0 ? fmt::format(", step {}", status.step) : "";
    switch (status.phase) {
      case RunPhase::done:
        ++done;
        break;
      case RunPhase::running:
        ++running_count;
        seconds += rest;
        running += fmt::format("  {}  {}{}, {:.0f}%\n", name, status.holder->text(), step,
                               100 * status.share);
        break;
      case RunPhase::failed:
        ++failed_count;
        seconds += rest;
        failed += fmt::format("  {}  {} on {}: {}\n", name,
                              status.error->attempts == 1
                                  ? "failed"
                                  : fmt::format("failed {} times", status.error->attempts),
                              shown(status.error->host), shown(status.error->message, 400));
        break;
      case RunPhase::left:
        ++left_count;
        seconds += rest;
        if (left_count > kShownRuns) break;
        left += fmt::format("  {}  {}{}{}\n", name, costs.is_measured(i) ? "" : "roughly ",
                            duration_text(rest),
                            status.step > 0 ? " more, interrupted" + step.substr(1) : "");
        break;
    }
  }
  if (left_count > kShownRuns) left += fmt::format("  and {} more\n", left_count - kShownRuns);
  std::string text = fmt::format("done     {} of {}\n", done, runs.size());
  text += fmt::format("running  {}\n{}", running_count, running);
  text += fmt::format("failed   {}\n{}", failed_count, failed);
  text += fmt::format("left     {}\n{}", left_count, left);
  if (done == runs.size()) return text;
  const double workers = std::max<double>(1, static_cast<double>(running_count));
  text += fmt::format("ETA      {}{} with {:.0f} worker{}\n", done == 0 ? "roughly " : "",
                      duration_text(seconds / workers), workers, workers == 1 ? "" : "s");
  return text;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
