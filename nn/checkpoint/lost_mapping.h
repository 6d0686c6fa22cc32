// Mapped files (mapped_file.h) that another program cuts short while they are read.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace soragrad::nn {

// From now on, reading what a mapped file has lost ends the process by one line that names the
// file, on stderr, and exit code 1, instead of the signal SIGBUS. Any other SIGBUS acts as before.
// For programs: a library leaves signals to its program.
void explain_lost_mappings();

// While it lives, that line can name the file of a mapping. At most 256 can be named at a time.
class NamedMapping {
 public:
  NamedMapping() = default;
  // `name`: the path, made printable.
  NamedMapping(std::span<const std::byte> bytes, std::string_view name);
  ~NamedMapping();
  NamedMapping(NamedMapping&& other) noexcept;
  NamedMapping& operator=(NamedMapping&& other) noexcept;

 private:
  int slot_ = -1;
};

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
