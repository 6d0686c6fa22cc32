// What the system knows about this process.
#pragma once

#include <chrono>
#include <cstdint>

namespace soragrad::train {

// Since the process was started by the system: loading of libraries included.
double seconds_since_start();
double seconds_since(std::chrono::steady_clock::time_point begin);
int64_t peak_rss_bytes();

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
