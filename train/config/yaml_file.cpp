#include "train/config/yaml_file.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

#include "core/error.h"
#include "core/file.h"

namespace soragrad::train {

namespace {

constexpr int64_t kMaxYamlBytes = 1 << 20;

struct Ignored : YAML::EventHandler {
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// Documents are counted before the first is built: yaml-cpp takes a stray "," or "]" for the start
// of endlessly many, and Load() leaves unread whatever follows the first.
bool has_second_document(const std::string& bytes) {
  std::istringstream input(bytes);
  YAML::Parser parser(input);
  Ignored ignored;
  return parser.HandleNextDocument(ignored) && parser.HandleNextDocument(ignored);
}

}  // namespace

YAML::Node read_yaml_file(const std::string& path, const char* who) {
  return parse_yaml(read_file(path, kMaxYamlBytes), path, who);
}

YAML::Node parse_yaml(const std::string& bytes, const std::string& path, const char* who) {
  try {
    require(!has_second_document(bytes), "[{}] {} holds more than one YAML document; expected one.",
            who, path);
    return YAML::Load(bytes);
  } catch (const YAML::Exception& error) {
    fail("[{}] {}:{}: not YAML: {}.", who, path, error.mark.line + 1, error.msg);
  }
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
