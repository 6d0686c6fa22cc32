// `soragrad inspect`: what a model folder, checkpoint file, adapter or run holds; of several runs,
// how their ranks and costs compare; the protocols.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace soragrad::cli {

struct InspectOptions {
  std::vector<std::string> paths;  // several: runs; the word "protocols": the table of protocols
  bool json = false;               // one JSON object instead of text
  std::string html;                // --html: a page to write beside what is printed
};

int inspect_main(const InspectOptions& options);

// Everything known of a path, as `--json` prints it. Throws where it does not exist.
nlohmann::ordered_json inspect_path(std::string path);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
