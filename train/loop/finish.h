// The end of a run: final/, results.json and the summary a person reads.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

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

// The list "ranks" of results.json and of `inspect --json`.
std::vector<sora::ModuleRank> ranks_of(const nlohmann::json& list);

// The summary: metrics beside the majority baseline, parameters by both counters, ranks, speed.
std::string summary_text(const nlohmann::json& results);

}  // namespace soragrad::train
