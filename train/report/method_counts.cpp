#include "train/report/method_counts.h"

#include <fmt/format.h>

#include <optional>

#include "models/model.h"
#include "sora/method.h"

namespace soragrad::train {

namespace {

struct Setting {
  const char* method;
  const char* key;
  int64_t sora::MethodConfig::*member;  // null: the method has no size
  int64_t value;
};

constexpr Setting kSettings[] = {
    {"sora", "r", &sora::MethodConfig::r, 4},
    {"sora", "r", &sora::MethodConfig::r, 8},
    {"sora", "r", &sora::MethodConfig::r, 16},
    {"lora", "r", &sora::MethodConfig::r, 4},
    {"lora", "r", &sora::MethodConfig::r, 8},
    {"lora", "r", &sora::MethodConfig::r, 16},
    {"adalora", "init_r", &sora::MethodConfig::init_r, 12},
    {"houlsby", "bottleneck", &sora::MethodConfig::bottleneck, 16},
    {"houlsby", "bottleneck", &sora::MethodConfig::bottleneck, 32},
    {"pfeiffer", "bottleneck", &sora::MethodConfig::bottleneck, 64},
    {"bitfit", nullptr, nullptr, 0},
    {"full", nullptr, nullptr, 0},
};

}  // namespace

std::vector<MethodCount> method_counts(const models::ModelConfig& config) {
  std::vector<MethodCount> counts;
  for (const Setting& setting : kSettings) {
    sora::MethodConfig method_config;
    method_config.method = setting.method;
    if (setting.member) method_config.*setting.member = setting.value;
    models::SequenceClassifier model(config);
    MethodCount count{setting.method,
                      setting.member ? fmt::format("{}={}", setting.key, setting.value) : "", 0, 0,
                      0};
    for (const nn::Parameter* parameter : model.parameters()) {
      count.model += parameter->declared_shape().numel();
    }
    const auto method = sora::make_method(method_config);
    method->attach(model, std::nullopt);  // shapes alone
    for (const nn::Parameter* parameter : model.parameters()) {
      if (!parameter->requires_grad()) continue;
      const int64_t size = parameter->declared_shape().numel();
      (nn::is_head(*parameter) ? count.head : count.trained) += size;
    }
    counts.push_back(count);
  }
  return counts;
}

TextTable method_table(const std::vector<MethodCount>& counts) {
  TextTable table{{"method", "settings", "trained", "and the head", "of the model"}, {}};
  for (const MethodCount& count : counts) {
    const double share = static_cast<double>(count.trained) / static_cast<double>(count.model);
    table.rows.push_back({count.method, count.settings, grouped(count.trained), grouped(count.head),
                          fmt::format("{:.3g}%", 100 * share)});
  }
  return table;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
