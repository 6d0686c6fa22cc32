// Folders that a command line names: which of them is a run, of which verb, and which may be
// emptied.
#pragma once

#include <string>

#include "train/config/config.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

// Which verb trains the run.
Verb verb_of(const RunFolder& folder);
// The configuration of its config.yaml. Throws if another verb than `wanted` trains the run.
Config config_of(const RunFolder& folder, Verb wanted);

// Throws if the folder, which is to hold a model, is a run or an adapter instead.
void require_model_folder(const std::string& folder);

// Throws if a file or folder that the run reads (paths are absolute) lies in a part of the folder
// `output` that the run would empty.
void refuse_to_empty_inputs(const Config& config);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
