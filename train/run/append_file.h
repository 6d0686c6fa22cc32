// A file that grows by whole records. A run that continues cuts it back to the length that its
// checkpoint knows, so that the log reads as if the run had never stopped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/descriptor.h"

namespace soragrad::train {

class AppendFile {
 public:
  // Creates the file if it is missing and cuts it to `length` bytes. A file that is shorter keeps
  // its whole lines, and length() tells how many bytes that are. Throws if it cannot be written.
  AppendFile(std::string path, int64_t length);

  // All of the bytes or none: throws on a full disk and the like, and then takes back what it
  // wrote.
  void append(std::string_view bytes);
  void sync();
  int64_t length() const { return length_; }

 private:
  [[noreturn]] void fail_with_errno(const char* what) const;

  std::string path_;
  Descriptor file_;
  int64_t length_ = 0;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
