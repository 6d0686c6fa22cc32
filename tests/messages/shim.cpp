// A library for LD_PRELOAD that appends the message of each soragrad::Error that a program throws
// to the file in SORAGRAD_MESSAGES, one a line. tests/messages/messages.sh checks the lines.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <typeinfo>

namespace {

// Whether it is a class of the project whose first base is std::exception or one that derives from
// it. All classes that the project throws are.
bool is_error(const std::type_info& type) {
  return std::strncmp(type.name(), "N8soragrad", 10) == 0 &&
         std::strstr(type.name(), "Error") != nullptr;
}

void append(const char* message) {
  const char* path = std::getenv("SORAGRAD_MESSAGES");
  if (!path) return;
  const int file = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) return;
  std::string line = message;
  for (char& c : line) {
    if (c == '\n') c = '\v';  // so that the check finds it
  }
  line += '\n';
  if (::write(file, line.data(), line.size()) < 0) std::abort();
  ::close(file);
}

}  // namespace

extern "C" [[noreturn]] void __cxa_throw(void* object, std::type_info* type,
                                         void (*destroy)(void*)) {
  if (is_error(*type)) append(static_cast<const std::exception*>(object)->what());
  using Throw = void (*)(void*, std::type_info*, void (*)(void*));
  reinterpret_cast<Throw>(::dlsym(RTLD_NEXT, "__cxa_throw"))(object, type, destroy);
  std::abort();
}

// SPDX-License-Identifier: Apache-2.0
