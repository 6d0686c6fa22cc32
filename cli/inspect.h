// `soragrad inspect`: what a model folder, checkpoint file, adapter or run holds.
#pragma once

#include <string>

namespace soragrad::cli {

struct InspectOptions {
  std::string path;
  bool json = false;  // one JSON object instead of text
};

int inspect_main(const InspectOptions& options);

}  // namespace soragrad::cli
