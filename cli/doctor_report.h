// What the checks of `soragrad doctor` found.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "core/console.h"

namespace soragrad::cli {

enum class Finding : uint8_t { ok, warning, fault };

// Prints a line for each finding and counts them.
class DoctorReport {
 public:
  explicit DoctorReport(Output print) : print_(std::move(print)) {}

  void add(Finding finding, std::string_view check, std::string_view text);
  // Runs a check. What it throws is its fault.
  void run(std::string_view check, const std::function<void()>& body);

  int64_t faults() const { return faults_; }
  int64_t warnings() const { return warnings_; }

 private:
  Output print_;
  int64_t faults_ = 0, warnings_ = 0;
};

// Checks of the machine: processor, memory, GPU and driver, libraries.
void check_processor(DoctorReport& report, int64_t threads);
// `device` is the key's value: a GPU that cannot be used is a fault if it is asked for.
void check_gpu(DoctorReport& report, const std::string& device);
void check_libraries(DoctorReport& report);

// Bytes that programs can still take: MemAvailable, or less if the control group says so.
int64_t available_memory();
// "12.3 GiB"
std::string size_text(int64_t bytes);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
