// Whether a file or folder can be written, asked before the work whose result goes there.
#pragma once

#include <string>

namespace soragrad {

// Throws unless a file can be made or replaced at the path: its folder must exist and be writable,
// and the path must be no folder and not "-". Devices and pipes are taken. Changes nothing.
void require_output_file(const std::string& path);

// Throws unless a folder can be made at the path, or exists, and can be written. Folders above it
// may be missing. Changes nothing.
void require_output_folder(const std::string& path);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
