// The end of a run: final/ and results.json.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "train/loop/trainer.h"

namespace soragrad::train {

// "0.2.0" and the commit that it was built from; "unknown" outside of a repository.
struct Version {
  std::string number, commit;
};

// Writes final/, scores the test split if it has labels, writes results.json and returns its
// content. Throws Interrupted if a request to stop arrives before; the run's last checkpoint, which
// the trainer has saved, then leads here again.
nlohmann::json finish_run(Session& session, const RunFolder& folder, const Trainer& trainer,
                          const Version& version);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
