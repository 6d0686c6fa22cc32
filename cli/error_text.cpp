#include "cli/error_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <new>
#include <string_view>
#include <system_error>

#include "core/descriptor.h"
#include "core/text.h"

namespace soragrad::cli {

namespace {

// libstdc++'s text is "filesystem error: WHAT: REASON [PATH] [PATH]".
std::string text_of(const std::filesystem::filesystem_error& error) {
  constexpr std::string_view kPrefix = "filesystem error: ";
  std::string_view what = error.what();
  if (what.starts_with(kPrefix)) what.remove_prefix(kPrefix.size());
  what = what.substr(0, what.find(": " + error.code().message()));
  const std::string place = error.path1().empty() ? "the working folder" : error.path1().string();
  std::string text =
      fmt::format("[{}] {}: {}", shown(place), what, system_reason(error.code().value()));
  if (!error.path2().empty()) text += fmt::format(" (to {})", shown(error.path2().string()));
  return text + '.';
}

std::string text_of(const nlohmann::json::exception& error) {
  std::string_view what = error.what();
  if (what.starts_with('[')) what.remove_prefix(what.find(']') + 1);
  return fmt::format("[json] a file lacks a member, or has one of another type:{}.", what);
}

}  // namespace

std::string error_text(const std::exception& error) {
  std::string text = error.what();
  if (dynamic_cast<const std::bad_alloc*>(&error)) {
    text =
        "out of memory. Smaller batches (per_device_train_batch_size, --batch-size) or shorter "
        "rows "
        "(max_seq_length, --max-length) need less; `ulimit -v` may be set.";
  } else if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    text = text_of(*file);
  } else if (const auto* json = dynamic_cast<const nlohmann::json::exception*>(&error)) {
    text = text_of(*json);
  } else if (const auto* system = dynamic_cast<const std::system_error*>(&error)) {
    text = fmt::format("[system] {}.", system_reason(system->code().value()));
  }
  return bounded_line(text);
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
