// The end of a run: final/ and results.json.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "train/loop/trainer.h"

namespace soragrad::train {

// "0.1.0" and the commit it was built from, "unknown" outside a repository.
struct Version {
  std::string number, commit;
};

// Scores the test split where it has labels, writes final/ and results.json, and returns the
// latter's content.
nlohmann::json finish_run(Session& session, const RunFolder& folder, const Trainer& trainer,
                          const Version& version);

}  // namespace soragrad::train
