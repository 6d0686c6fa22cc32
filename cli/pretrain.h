// `soragrad pretrain`: one run of pre-training, from its configuration to its results.
#pragma once

#include "cli/train.h"

namespace soragrad::cli {

// Returns the exit code, as train_main() does. Throws Error and UsageError.
int pretrain_main(const TrainOptions& options);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
