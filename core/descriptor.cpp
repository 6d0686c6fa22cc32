#include "core/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace soragrad {
namespace {

struct Advice {
  int error;
  std::string_view text;
};

constexpr Advice kAdvice[] = {
    {ENOSPC, "free some space"},       {EDQUOT, "free some of your quota"},
    {EMFILE, "raise `ulimit -n`"},     {ENFILE, "close other programs"},
    {EACCES, "check the permissions"}, {ENAMETOOLONG, "choose a shorter name"},
};

}  // namespace

void Descriptor::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Descriptor open_file(const std::filesystem::path& path, int flags, unsigned mode) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EINTR) return Descriptor(fd);
  }
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  constexpr size_t kChunk = size_t{1} << 30;  // Linux writes at most 2 GiB at once
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), std::min(bytes.size(), kChunk));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

std::string system_reason(int error) {
  std::string text = std::generic_category().message(error);
  for (const Advice& advice : kAdvice) {
    if (advice.error == error) text.append("; ").append(advice.text);
  }
  return text;
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
