#include "core/console.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <span>
#include <string>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/text.h"

namespace soragrad {
namespace {

constexpr size_t kMaxLogBytes = 4096;
constexpr int kPatience = 100;  // milliseconds that a full non-blocking stderr is waited for

std::atomic<bool> is_muted{false};

}  // namespace

void set_log_muted(bool muted) noexcept {
  is_muted = muted;
}

void protect_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() takes the lowest free number, which is this one: those below are in use.
    const int direction = stream == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (::open("/dev/null", direction) != stream) ::_exit(1);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void log_text(std::string_view text) noexcept {
  if (is_muted) return;
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (written < 0 && errno == EAGAIN) {
      pollfd stream{STDERR_FILENO, POLLOUT, 0};
      if (::poll(&stream, 1, kPatience) <= 0) return;
    } else if (written == 0 || errno != EINTR) {
      return;
    }
  }
}

void log_line(std::string_view line) noexcept {
  try {
    log_text(bounded_line(line, kMaxLogBytes) + '\n');
  } catch (...) {  // no memory: the text itself needs none
    log_text(line.substr(0, kMessageBytes));
    log_text("\n");
  }
}

void write_output(std::string_view text) {
  if (!write_all(STDOUT_FILENO, std::as_bytes(std::span(text)))) {
    const int error = errno;
    fail("[standard output] cannot be written: {}.", system_reason(error));
  }
}

int terminal_columns(int descriptor) {
  winsize size{};
  if (::isatty(descriptor) == 0) return 0;
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
