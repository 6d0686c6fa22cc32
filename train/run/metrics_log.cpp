#include "train/run/metrics_log.h"

#include <fmt/format.h>

#include "train/run/number_text.h"

namespace soragrad::train {

std::string step_line(const StepRecord& record) {
  std::string line = fmt::format(
      "{{\"step\": {}, \"epoch\": {}, \"loss\": {}, \"regularizer\": {}, \"learning_rate\": {}, "
      "\"grad_norm\": {}, \"sparsity\": {}",
      record.step, json_number(record.epoch), json_number(record.loss),
      json_number(record.regularizer), json_number(record.learning_rate),
      json_number(record.grad_norm), json_number(record.sparsity));
  for (const auto& [name, count] : record.method_counts) {
    line += fmt::format(", \"{}\": {}", name, count);
  }
  if (record.phase >= 0) {
    line += fmt::format(", \"phase\": {}, \"xi\": {}", record.phase, json_number(record.xi));
  }
  line += fmt::format(", \"tokens\": {}, \"step_seconds\": {}", record.tokens,
                      json_number(record.step_seconds));
  if (record.launches >= 0) line += fmt::format(", \"launches\": {}", record.launches);
  return line + "}\n";
}

std::string evaluation_line(int64_t step, const std::string& split, const Evaluation& evaluation) {
  std::string metrics;
  for (const auto& [name, value] : evaluation.metrics) {
    metrics += fmt::format("{}\"{}\": {}", metrics.empty() ? "" : ", ", name, json_number(value));
  }
  return fmt::format("{{\"step\": {}, \"split\": \"{}\", \"metrics\": {{{}}}, \"loss\": {}}}\n",
                     step, split, metrics, json_number(evaluation.loss));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
