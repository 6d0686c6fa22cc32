#include "tests/fuzz/targets.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "tests/files.h"

namespace soragrad::fuzz {

bool run(const Target& target, std::string_view bytes) {
  try {
    target.read(bytes);
    return true;
  } catch (const Error& error) {
    const std::string_view message = error.what();
    if (message.find('\n') == message.npos && message.size() < 500) return false;
    std::fprintf(stderr, "%s: not one line of less than 500 bytes: %.600s\n",
                 std::string(target.name).c_str(), error.what());
    std::abort();
  }
}

std::vector<std::string> corpus(const Target& target) {
  namespace fs = std::filesystem;
  std::vector<std::string> files = target.seeds();
  const fs::path folder = fs::path(SORAGRAD_SOURCE_DIR "/tests/fuzz/corpus") / target.name;
  std::vector<fs::path> paths;
  if (fs::exists(folder)) {
    for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  for (const fs::path& path : paths) files.push_back(test::read_text(path));
  return files;
}

}  // namespace soragrad::fuzz

// SPDX-License-Identifier: Apache-2.0
