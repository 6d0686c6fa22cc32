// Mapped files that another program cuts short, or writes.
#include "nn/checkpoint/mapped_file.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
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

// Writes over the beginning of a file in place, and sees to it that its time of change is another.
void write_later(const std::string& path, const std::string& text) {
  const auto before = std::filesystem::last_write_time(path);
  std::fstream(path, std::ios::in | std::ios::out) << text;
  if (std::filesystem::last_write_time(path) == before) {
    std::filesystem::last_write_time(path, before + std::chrono::milliseconds(10));
  }
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

TEST_CASE("mapped_file: a file that is written while in use is named, a replaced one is not") {
  const TemporaryFolder root;
  const std::string path = root.write("weights", "abcd");
  {
    const nn::FileBytes file = nn::map_file(path);
    nn::require_unchanged_files();
    std::filesystem::rename(root.write("new", "new weights"), path);
    nn::require_unchanged_files();
    CHECK(file.text() == "abcd");
  }
  {
    const nn::FileBytes file = nn::map_file(path);
    write_later(path, "New");
    CHECK(message_of([] { nn::require_unchanged_files(); }) ==
          "[" + path + "] was written while it was read; put the file back and start again.");
  }
  nn::require_unchanged_files();  // nobody uses it any more
}

// SPDX-License-Identifier: Apache-2.0
