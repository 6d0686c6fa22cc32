// `soragrad inspect RUN RUN...`: kept ranks and costs over several runs.
#pragma once

#include "cli/inspect.h"

namespace soragrad::cli {

// Prints costs of the complete runs, and rank statistics of those whose method gates ranks. Throws
// where a path is no run.
int inspect_runs(const InspectOptions& options);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
