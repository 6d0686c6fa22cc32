// YAML files of one document, read with bounds.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>

#include "train/config/config.h"

namespace soragrad::train {

// The root of a file of at most 1 MiB; Null where it is empty. Throws "[who] path:line: ..." for
// what is no YAML and for more than one document.
YAML::Node read_yaml_file(const std::string& path, const char* who);
// The same of bytes that `path` names.
YAML::Node parse_yaml(const std::string& bytes, const std::string& path, const char* who);

// Sets the keys of a YAML text that `path` names, as read_yaml() does.
void read_yaml_text(Config& config, const std::string& text, const std::string& path);

// The value of a key of `train` as set() takes it: a word, the items of a list, the block of
// class_weights. Throws "[where] ..." if it is nested otherwise.
std::string yaml_value(const YAML::Node& node, const std::string& where, std::string_view key);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
