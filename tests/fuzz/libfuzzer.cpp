// libFuzzer's entry points, for clang. The first argument is the target:
//   libfuzzer csv -max_total_time=180 -rss_limit_mb=2048 FOLDER
//   libfuzzer csv seeds FOLDER      writes the target's good files there
//   libfuzzer list                  prints the names of all targets
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fuzz/targets.h"

namespace soragrad::fuzz {
namespace {

const Target* chosen = nullptr;

template <typename Visit>
void for_each_target(Visit&& visit) {
  for (const auto& list : {checkpoint_targets(), text_targets(), table_targets()}) {
    for (const Target& target : list) visit(target);
  }
}

void write_seeds(const std::filesystem::path& folder) {
  int number = 0;
  for (const std::string& bytes : corpus(*chosen)) {
    std::ofstream(folder / ("seed-" + std::to_string(++number)), std::ios::binary) << bytes;
  }
}

}  // namespace
}  // namespace soragrad::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  using namespace soragrad::fuzz;
  const std::string name = *argc > 1 ? (*argv)[1] : "list";
  for_each_target([&](const Target& target) {
    if (name == "list") std::puts(std::string(target.name).c_str());
    if (target.name == name) chosen = &target;
  });
  if (name == "list") std::exit(0);
  if (!chosen) {
    std::fprintf(stderr, "libfuzzer: no target %s\n", name.c_str());
    std::exit(2);
  }
  if (*argc > 3 && std::string((*argv)[2]) == "seeds") {
    write_seeds((*argv)[3]);
    std::exit(0);
  }
  (*argv)[1] = (*argv)[0];  // libFuzzer sees the rest
  ++*argv;
  --*argc;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  soragrad::fuzz::run(*soragrad::fuzz::chosen, {reinterpret_cast<const char*>(data), size});
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
