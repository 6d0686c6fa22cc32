// The sections of a report, one function each: HTML without its heading, empty if the runs have
// nothing of the kind. Cells that show a number of results.json have data-key="RUN/KEY", RUN being
// the run's number on the page from 0 and KEY the path of the number in results.json or
// evaluation.json.
#pragma once

#include <string>
#include <vector>

#include "train/report/page.h"
#include "train/report/run_record.h"

namespace soragrad::train {

using Runs = std::vector<RunRecord>;

std::string results_section(const Runs& runs);     // metrics by split, beside the majority's
std::string curves_section(const Runs& runs);      // over the steps
std::string gates_section(const Runs& runs);       // share at zero, sizes, ranks
std::string path_section(const Runs& runs);        // of thresholds
std::string classes_section(const Runs& runs);     // confusion, classes, calibration; regression
std::string wrong_rows_section(const Runs& runs);  // rows with the largest loss
std::string parameters_section(const Runs& runs);  // by both counters
std::string costs_section(const Runs& runs);       // time and memory
std::string data_section(const Runs& runs);        // files, hashes, labels, split
std::string settings_section(const Runs& runs);    // keys, and the commands that repeat the runs

// A subheading with the run's name where the page has several.
std::string run_heading(const Runs& runs, const RunRecord& run);
// "0.8123"; "undefined" if there is none, or it is not finite.
std::string score_text(const nlohmann::json& value);
// "12.3 MiB"
std::string bytes_text(double bytes);

// A table with a column for each run.
class RunTable {
 public:
  RunTable(const Runs& runs, std::string first);
  // `value` of a run is its text; empty: it has none. `key` is the path of the number.
  template <typename Value>
  void row(const std::string& name, const std::string& key, Value&& value) {
    std::vector<HtmlCell> cells{{name, "", false}};
    bool is_known = false;
    for (size_t i = 0; i < runs_.size(); ++i) {
      const std::string text = value(runs_[i]);
      is_known = is_known || !text.empty();
      cells.push_back({text.empty() ? "-" : text,
                       text.empty() || key.empty() ? "" : std::to_string(i) + "/" + key, false});
    }
    if (is_known) table_.row(cells);
  }
  std::string html() const { return table_.is_empty() ? "" : table_.html(); }

 private:
  const Runs& runs_;
  HtmlTable table_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
