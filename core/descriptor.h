// File descriptors that close themselves, and the system calls on them that a signal may cut short.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

namespace soragrad {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC. Returns an empty descriptor and leaves errno on failure.
Descriptor open_file(const std::filesystem::path& path, int flags, unsigned mode = 0666);

// Writes all bytes; false, with errno, if the system does not take them all.
bool write_all(int fd, std::span<const std::byte> bytes);

// The system's words for an error number, with advice for the errors that a user can cure:
// "No space left on device; free some space".
std::string system_reason(int error);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
