#include "train/loop/progress.h"
#include "core/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "train/run/number_text.h"

namespace soragrad::train {

namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kPlainLine = std::chrono::seconds(2);
constexpr double kRecent = 0.9;  // weight that a step keeps at the next

size_t columns() {
  const int known = terminal_columns(STDERR_FILENO);
  return known > 0 ? static_cast<size_t>(known) : 80;
}

}  // namespace

bool Progress::is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && term && std::string_view(term) != "dumb";
}

Progress::Progress(bool terminal) : terminal_(terminal), start_(Clock::now()) {}

Progress::~Progress() {
  if (drawn_) log_text("\n");
}

void Progress::note(const std::string& text) {
  if (drawn_) log_text("\r\033[K");
  log_line(text);
  drawn_ = false;
}

void Progress::step(const StepView& view) {
  recent_tokens_ = kRecent * recent_tokens_ + static_cast<double>(view.tokens);
  recent_seconds_ = kRecent * recent_seconds_ + view.seconds;
  const auto now = Clock::now();
  const bool edge = view.step == first_step_ + 1 || view.step == view.total;
  const bool due =
      terminal_ ? now - last_print_ >= kRedraw : view.logged && now - last_print_ >= kPlainLine;
  if (!due && !edge) return;
  last_print_ = now;

  const int64_t done = view.step - first_step_;
  const double step_seconds = std::chrono::duration<double>(now - start_).count() /
                              static_cast<double>(done > 0 ? done : 1);
  std::string line = fmt::format("step {}/{}  loss {:.4f}  lr {:.3g}", view.step, view.total,
                                 view.loss, view.learning_rate);
  if (view.sparsity >= 0) line += fmt::format("  sparsity {:.1f}%", 100 * view.sparsity);
  if (recent_seconds_ > 0) {
    line += fmt::format("  {:.0f} tokens/s", recent_tokens_ / recent_seconds_);
  }
  line += fmt::format("  ETA {}",
                      duration_text(step_seconds * static_cast<double>(view.total - view.step)));
  if (!terminal_) {
    log_line(line);
    return;
  }
  line.resize(std::min(line.size(), columns() - 1));
  log_text("\r\033[K" + line);
  drawn_ = true;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
