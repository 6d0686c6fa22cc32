// A file that a verb writes, checked before the work.
#pragma once

#include <string>
#include <vector>

namespace soragrad::cli {

// Throws if the file cannot be written (core/output_path.h), or if writing it would destroy what
// somebody needs: one of the `inputs`, or a file of a model, an adapter or a run. Links are
// followed. Empty inputs are passed over.
void require_result_file(const std::string& path, const std::vector<std::string>& inputs = {});

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
