// A file that grows by whole records. A run that continues cuts it back to the length its
// checkpoint knows, so that the log reads as if nothing had happened.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/descriptor.h"

namespace soragrad::train {

class AppendFile {
 public:
  // Creates the file if it is missing and cuts it to `length` bytes. Throws if it is shorter.
  AppendFile(std::string path, int64_t length);

  void append(std::string_view bytes);  // throws on a full disk and the like
  void sync();
  int64_t length() const { return length_; }

 private:
  [[noreturn]] void fail_with_errno(const char* what) const;

  std::string path_;
  Descriptor file_;
  int64_t length_ = 0;
};

}  // namespace soragrad::train
