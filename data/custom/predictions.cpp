#include "data/custom/predictions.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "data/metrics.h"

namespace soragrad::data {
namespace {

using nlohmann::ordered_json;

// One row, ready to be written.
struct Prediction {
  std::string id;
  double score = 0;                   // regression
  std::vector<size_t> classes;        // one, or those that were predicted
  std::vector<double> probabilities;  // (classes of the task)
};

std::vector<double> softmax(std::span<const float> logits) {
  const double max = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  std::vector<double> values;
  double sum = 0;
  for (const float logit : logits) {
    values.push_back(std::exp(static_cast<double>(logit) - max));
    sum += values.back();
  }
  for (double& value : values) value /= sum;
  return values;
}

Prediction predict(const Task& task, std::span<const float> logits, const Example& row) {
  Prediction result{.id = row.id ? *row.id : std::to_string(row.index)};
  if (task.regression()) {
    result.score = static_cast<double>(logits[0]);
  } else if (task.problem_type == ProblemType::multi_label_classification) {
    for (size_t i = 0; i < logits.size(); ++i) {
      result.probabilities.push_back(1 / (1 + std::exp(-static_cast<double>(logits[i]))));
      if (logits[i] >= 0) result.classes.push_back(i);
    }
  } else {
    result.probabilities = softmax(logits);
    result.classes.push_back(
        static_cast<size_t>(argmax_rows(logits, static_cast<int64_t>(logits.size()))[0]));
  }
  return result;
}

std::string cell(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::string number(double value) {
  return fmt::format("{:.9g}", value);
}

std::string header_line(const Task& task, const PredictionFormat& format) {
  if (task.regression()) return "id\tlabel\n";
  std::string line = "id\tlabel\tprobability";
  if (format.has_probabilities) {
    for (const std::string& name : task.labels) line += "\t" + cell(name);
  }
  return line + "\n";
}

std::string tsv_line(const Task& task, const Prediction& row, const PredictionFormat& format) {
  std::string line = cell(row.id);
  if (task.regression()) return line + "\t" + number(row.score) + "\n";
  std::string names, shares;
  for (const size_t i : row.classes) {
    const char* between = names.empty() ? "" : format.separator.c_str();
    names += between + cell(task.labels[i]);
    shares += between + number(row.probabilities[i]);
  }
  line += "\t" + names + "\t" + shares;
  if (format.has_probabilities) {
    for (const double probability : row.probabilities) line += "\t" + number(probability);
  }
  return line + "\n";
}

std::string json_line(const Task& task, const Prediction& row, const PredictionFormat& format) {
  ordered_json object;
  object["id"] = row.id.empty() ? ordered_json() : ordered_json(row.id);
  if (task.regression()) {
    object["label"] = row.score;
  } else if (task.problem_type == ProblemType::multi_label_classification) {
    object["label"] = ordered_json::array();
    object["probability"] = ordered_json::array();
    for (const size_t i : row.classes) {
      object["label"].push_back(task.labels[i]);
      object["probability"].push_back(row.probabilities[i]);
    }
  } else {
    object["label"] = task.labels[row.classes[0]];
    object["probability"] = row.probabilities[row.classes[0]];
  }
  if (format.has_probabilities && !task.regression()) {
    ordered_json all = ordered_json::object();
    for (size_t i = 0; i < task.labels.size(); ++i) all[task.labels[i]] = row.probabilities[i];
    object["probabilities"] = std::move(all);
  }
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string prediction_text(const Task& task, std::span<const float> logits,
                            std::span<const Example> rows, const PredictionFormat& format) {
  const auto width = static_cast<size_t>(task.num_labels());
  require(logits.size() == rows.size() * width,
          "[predictions] {} logits do not fit {} rows of {} classes.", logits.size(), rows.size(),
          width);
  std::string text = format.is_json ? "" : header_line(task, format);
  for (size_t i = 0; i < rows.size(); ++i) {
    const Prediction row = predict(task, logits.subspan(i * width, width), rows[i]);
    text += format.is_json ? json_line(task, row, format) : tsv_line(task, row, format);
  }
  return text;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
