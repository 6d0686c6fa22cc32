// `soragrad doctor [train keys]`: will this machine, and the run that the keys describe, work? One
// line for each check: ok, warning or fault. Writes nothing.
#pragma once

#include <string>
#include <vector>

#include "core/console.h"

namespace soragrad::cli {

struct DoctorOptions {
  std::string config;                  // --config: a YAML file, or empty
  std::vector<std::string> arguments;  // key=value, as of train
};

// Passes a line for each check to `print`. Returns 1 if one found a fault, else 0. Without keys the
// machine alone is checked; model and data as far as they are given. Throws UsageError for keys
// that are none.
int doctor_main(const DoctorOptions& options, const Output& print = write_output);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
