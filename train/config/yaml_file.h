// YAML files of one document, read with bounds.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

namespace soragrad::train {

// The root of a file of at most 1 MiB; Null where it is empty. Throws "[who] path:line: ..." for
// what is no YAML and for more than one document.
YAML::Node read_yaml_file(const std::string& path, const char* who);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
