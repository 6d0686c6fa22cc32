#include "cli/report.h"

#include <fmt/format.h>

#include <exception>

#include "cli/error_text.h"
#include "cli/output_file.h"
#include "core/file.h"
#include "core/text.h"
#include "train/report/report.h"

namespace soragrad::cli {

int report_main(const ReportOptions& options, const Output& print) {
  if (!options.output.empty()) require_result_file(options.output);
  const std::vector<train::RunRecord> runs = train::read_runs(options.runs);
  std::string output = options.output;
  if (output.empty()) output = runs.size() == 1 ? runs[0].path + "/report.html" : "report.html";
  write_file_atomically(output, train::report_html(runs));
  print(output + "\n");
  return 0;
}

void write_run_page(const std::string& folder) {
  try {
    train::write_report(folder);
  } catch (const std::exception& error) {
    log_line(bounded_line(fmt::format("report.html could not be written: {}", error_text(error))));
  }
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
