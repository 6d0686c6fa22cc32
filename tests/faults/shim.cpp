// A library for LD_PRELOAD that makes one system call of a program fail, as a full disk, a full
// table of files or a limit on threads does. Environment:
//   FAULT_CALL   write, fsync, rename, open, mkdir, ftruncate, mmap or pthread_create
//   FAULT_NTH    the call that fails, counted from 1; 0: none, calls are only counted
//   FAULT_ERRNO  the error number
//   FAULT_LASTS  if it is 1 all calls from the n-th on fail
//   FAULT_COUNT  a file that gets the number of calls at the end
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Plan {
  const char* call = std::getenv("FAULT_CALL");
  long nth = number("FAULT_NTH");
  int error = static_cast<int>(number("FAULT_ERRNO"));
  bool lasts = number("FAULT_LASTS") == 1;
  std::atomic<long> count{0};

  ~Plan() {
    const char* path = std::getenv("FAULT_COUNT");
    if (!path) return;
    call = nullptr;
    if (std::FILE* file = std::fopen(path, "w")) {
      std::fprintf(file, "%ld\n", count.load());
      std::fclose(file);
    }
  }
  static long number(const char* name) {
    const char* text = std::getenv(name);
    return text ? std::atol(text) : 0;
  }
};

Plan& plan() {
  static Plan instance;
  return instance;
}

// Counts a call; true, with errno, if it is to fail.
bool fails(const char* call) {
  Plan& p = plan();
  if (!p.call || std::strcmp(p.call, call) != 0) return false;
  const long number = ++p.count;
  if (p.nth == 0 || (p.lasts ? number < p.nth : number != p.nth)) return false;
  errno = p.error;
  return true;
}

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int open_with(const char* name, const char* path, int flags, unsigned mode) {
  if (fails("open")) return -1;
  return real<int(const char*, int, ...)>(name)(path, flags, mode);
}

// The mode of open(2), which is there only where a file may be created.
#define SORAGRAD_MODE(flags)             \
  unsigned mode = 0;                     \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list arguments;                   \
    va_start(arguments, flags);          \
    mode = va_arg(arguments, unsigned);  \
    va_end(arguments);                   \
  }

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  SORAGRAD_MODE(flags)
  return open_with("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  SORAGRAD_MODE(flags)
  return open_with("open64", path, flags, mode);
}
ssize_t write(int fd, const void* bytes, size_t size) {
  if (fails("write")) return -1;
  return real<ssize_t(int, const void*, size_t)>("write")(fd, bytes, size);
}
int fsync(int fd) {
  return fails("fsync") ? -1 : real<int(int)>("fsync")(fd);
}
int fdatasync(int fd) {
  return fails("fsync") ? -1 : real<int(int)>("fdatasync")(fd);
}
int rename(const char* from, const char* to) {
  return fails("rename") ? -1 : real<int(const char*, const char*)>("rename")(from, to);
}
int mkdir(const char* path, mode_t mode) {
  return fails("mkdir") ? -1 : real<int(const char*, mode_t)>("mkdir")(path, mode);
}
int ftruncate(int fd, off_t length) {
  return fails("ftruncate") ? -1 : real<int(int, off_t)>("ftruncate")(fd, length);
}
int ftruncate64(int fd, off64_t length) {
  return fails("ftruncate") ? -1 : real<int(int, off64_t)>("ftruncate64")(fd, length);
}
void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  if (fd >= 0 && fails("mmap")) return MAP_FAILED;  // of files; memory has a limit of its own
  return real<void*(void*, size_t, int, int, int, off_t)>("mmap")(at, size, protection, flags, fd,
                                                                  offset);
}
void* mmap64(void* at, size_t size, int protection, int flags, int fd, off64_t offset) {
  if (fd >= 0 && fails("mmap")) return MAP_FAILED;
  return real<void*(void*, size_t, int, int, int, off64_t)>("mmap64")(at, size, protection, flags,
                                                                      fd, offset);
}
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) {
  if (fails("pthread_create")) return plan().error;
  return real<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create")(
      thread, attributes, start, argument);
}

}  // extern "C"

// SPDX-License-Identifier: Apache-2.0
