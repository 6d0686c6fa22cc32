#include "cli/report.h"

#include <fmt/format.h>

#include "core/file.h"
#include "core/output_path.h"
#include "train/report/report.h"

namespace soragrad::cli {

int report_main(const ReportOptions& options, const Output& print) {
  if (!options.output.empty()) require_output_file(options.output);
  const std::vector<train::RunRecord> runs = train::read_runs(options.runs);
  std::string output = options.output;
  if (output.empty()) output = runs.size() == 1 ? runs[0].path + "/report.html" : "report.html";
  write_file_atomically(output, train::report_html(runs));
  print(output + "\n");
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
