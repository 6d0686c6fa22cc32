// A file that grows by whole records. A run that continues cuts it back to the length its
// checkpoint knows, so that the log reads as if nothing had happened.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace soragrad::train {

class AppendFile {
 public:
  // Creates the file where it is missing and cuts it to `length` bytes. Throws where it is shorter.
  AppendFile(std::string path, int64_t length);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  void append(std::string_view bytes);  // throws on a full disk and the like
  void sync();
  int64_t length() const { return length_; }

 private:
  std::string path_;
  int fd_ = -1;
  int64_t length_ = 0;
};

}  // namespace soragrad::train
