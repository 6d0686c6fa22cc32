#pragma once

#include <string>

namespace soragrad {

// This machine's name, for messages and leases; "unknown" if the system does not tell.
std::string host_name();

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
