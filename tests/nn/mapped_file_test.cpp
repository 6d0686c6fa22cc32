// Mapped files that are cut short by another program.
#include "nn/checkpoint/mapped_file.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::test;

namespace {

// How a process ends that runs `body`, and what it writes to stderr.
template <typename Body>
std::pair<int, std::string> end_of(const TemporaryFolder& root, const Body& body) {
  const std::string log = root.write("stderr", "");
  const pid_t child = ::fork();
  if (child == 0) {
    if (!std::freopen(log.c_str(), "w", stderr)) ::_exit(9);
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {status, read_text(log)};
}

}  // namespace

TEST_CASE("mapped_file: a file that is cut short ends the program by a line with its name") {
  const TemporaryFolder root;
  const std::string path = root.write("weights", std::string(3 * 4096, 'w'));
  const std::string other = root.write("other", "o");
  const auto [status, line] = end_of(root, [&] {
    nn::explain_lost_mappings();
    const nn::MappedFile first(other);
    const nn::MappedFile file = nn::MappedFile(path);
    std::filesystem::resize_file(path, 0);
    const volatile auto byte = file.bytes()[5000];
    static_cast<void>(byte);
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
  CHECK(line == "soragrad: [" + path +
                    "] became shorter while it was read; put the file back and start again.\n");
}

TEST_CASE("mapped_file: SIGBUS for another reason acts as before") {
  const TemporaryFolder root;
  const auto [status, line] = end_of(root, [] {
    std::signal(SIGBUS, SIG_DFL);
    nn::explain_lost_mappings();
    std::raise(SIGBUS);
    std::raise(SIGBUS);
  });
  CHECK(WIFSIGNALED(status));
  CHECK(line.empty());
}

// SPDX-License-Identifier: Apache-2.0
