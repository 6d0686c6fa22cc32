#include "train/report/profile_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "core/console.h"
#include "core/file.h"
#include "core/parallel.h"

namespace soragrad::train {

namespace {

using profile::Event;
using profile::Kind;
using profile::Recorder;
using profile::Row;

constexpr double kGiga = 1e9;

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::phase:
      return "phase";
    case Kind::module:
      return "module";
    case Kind::op:
      return "op";
    case Kind::kernel:
      return "kernel";
  }
  return "";
}

// A rate a second of a sum over nanoseconds, in 1e9; "-" where there is nothing to count.
std::string rate(double sum, int64_t nanoseconds) {
  if (sum <= 0 || nanoseconds <= 0) return "-";
  return fmt::format("{:.1f}", sum / static_cast<double>(nanoseconds));
}

std::string line(const std::string& name, const Row& row, int64_t total) {
  return fmt::format("{:32}{:>8}{:>12.2f}{:>7.1f}%{:>10}{:>9}\n", name, row.calls,
                     static_cast<double>(row.duration) * 1e-6,
                     100 * static_cast<double>(row.duration) / static_cast<double>(total),
                     rate(row.cost.flops, row.duration), rate(row.cost.bytes, row.duration));
}

// Lines by time, and the sum of their times.
std::pair<std::string, int64_t> lines(const std::map<std::string, Row>& rows, int64_t total) {
  std::vector<std::pair<std::string, Row>> sorted(rows.begin(), rows.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second.duration > b.second.duration;
  });
  std::string text;
  int64_t sum = 0;
  for (const auto& [name, row] : sorted) {
    text += line(name, row, total);
    sum += row.duration;
  }
  return {text, sum};
}

std::string heading(const char* what) {
  return fmt::format("{:32}{:>8}{:>12}{:>8}{:>10}{:>9}\n", what, "calls", "ms", "share", "GFLOP/s",
                     "GB/s");
}

}  // namespace

std::string profile_table(const Recorder& recorder, const profile::Peak& peak) {
  const int64_t total = std::max<int64_t>(recorder.total(), 1);
  const auto [ops, of_ops] = lines(recorder.ops(), total);
  const auto [kernels, of_kernels] = lines(recorder.kernels(), total);
  std::string text = heading("op") + ops;
  text += line("other", {1, total - of_ops, {}}, total);
  text += line("all", {1, total, {}}, total) + "\n" + heading("kernel") + kernels;
  text += peak.flops > 0 ? fmt::format("{:32}{:>8}{:>12}{:>8}{:>10.1f}{:>9.1f}\n",
                                       fmt::format("measured fp32 peak, {} threads", num_threads()),
                                       "", "", "", peak.flops / kGiga, peak.bytes / kGiga)
                         : "peak of the machine: not known\n";
  if (!recorder.complete()) {
    text +=
        fmt::format("the trace holds the first {} events, the table all.\n", Recorder::kMaxEvents);
  }
  return text;
}

std::string profile_trace(const Recorder& recorder) {
  std::string text = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [";
  const char* separator = "\n";
  for (const Event& event : recorder.events()) {
    // Names are those of ops, kernels and modules: nothing needs an escape.
    text += fmt::format(
        "{}{{\"name\": \"{}\", \"cat\": \"{}\", \"ph\": \"X\", \"pid\": 1, \"tid\": 1, "
        "\"ts\": {:.3f}, \"dur\": {:.3f}, \"args\": {{\"module\": \"{}\", \"gflop\": {:.6g}, "
        "\"mbyte\": {:.6g}}}}}",
        separator, recorder.text(event.name), name_of(event.kind),
        static_cast<double>(event.start) * 1e-3, static_cast<double>(event.duration) * 1e-3,
        recorder.text(event.module), event.cost.flops * 1e-9, event.cost.bytes * 1e-6);
    separator = ",\n";
  }
  return text + "\n]}\n";
}

ProfileRun::ProfileRun(const std::string& file) : file_(file) {
  if (file_.empty()) return;
  write_file_atomically(file_, "{\"traceEvents\": []}\n");
  peak_ = profile::measure_peak();
  recorder_.emplace();
}

void ProfileRun::finish() {
  if (!recorder_) return;
  recorder_->finish();
  write_file_atomically(file_, profile_trace(*recorder_));
  log_text(fmt::format("{}profile in {}\n", profile_table(*recorder_, peak_), file_));
  recorder_.reset();
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
