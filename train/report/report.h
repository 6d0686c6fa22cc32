// The page of `soragrad report`: what a run was asked, what it read, how it learned, what it got
// right and wrong and what it cost; or several runs side by side.
#pragma once

#include <string>
#include <vector>

#include "train/report/run_record.h"

namespace soragrad::train {

// The whole page. Throws for no runs.
std::string report_html(const std::vector<RunRecord>& runs);

// Reads the run of a folder and writes its report.html. Throws if it cannot be read or written.
void write_report(const std::string& folder);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
