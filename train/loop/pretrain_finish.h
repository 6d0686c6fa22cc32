// The end of a pre-training run: final/, results.json and the summary a person reads.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "train/loop/finish.h"
#include "train/loop/pretrainer.h"

namespace soragrad::train {

// Writes final/ and results.json, and returns the latter's content.
nlohmann::json finish_pretraining(PretrainSession& session, const RunFolder& folder,
                                  const Pretrainer& trainer, const Version& version);

std::string pretraining_summary(const nlohmann::json& results);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
