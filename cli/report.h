// `soragrad report`: the page of one run, or of several side by side.
#pragma once

#include <string>
#include <vector>

#include "core/console.h"

namespace soragrad::cli {

struct ReportOptions {
  std::vector<std::string> runs;  // run folders
  std::string output;  // HTML file; empty: report.html in the run's folder, for several here
};

// Writes the page and passes its path to `print`. Throws if a folder is no run or the page cannot
// be written.
int report_main(const ReportOptions& options, const Output& print = write_output);

// Writes the page of a run that has just ended into its folder. An error is one line on stderr: it
// does not fail a run that is finished.
void write_run_page(const std::string& folder);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
