#include "train/loop/evaluation_record.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "data/class_metrics.h"
#include "data/metrics.h"
#include "data/row_scores.h"

namespace soragrad::train {

namespace {

using Json = nlohmann::ordered_json;
using data::ProblemType;

constexpr size_t kTextCharacters = 280;  // of a text among the worst rows
constexpr const char* kFile = "evaluation.json";
constexpr int64_t kMaxBytes = int64_t{64} << 20;

// One row as the file has it.
struct RowRecord {
  Json label, predicted;         // numbers of classes, lists of them, or scores
  double probability = 0;        // of the predicted class
  double label_probability = 0;  // of the label
  double loss = 0;
};

// Six decimals keep the file small and are more than a page shows.
double rounded(double value) {
  return std::round(value * 1e6) / 1e6;
}

class SplitRecorder {
 public:
  SplitRecorder(const Rows& rows, std::span<const float> logits)
      : rows_(rows),
        task_(*rows.dataset.task),
        logits_(logits),
        outputs_(static_cast<size_t>(task_.num_labels())) {}

  Json record(const Evaluation& evaluation) const {
    Json record;
    record["name"] = rows_.name;
    record["path"] = rows_.dataset.path;
    record["rows"] = rows_.size();
    record["problem_type"] = data::name_of(task_.problem_type);
    record["labels"] = task_.labels;
    record["metrics"] = Json::object();
    for (const auto& [name, value] : evaluation.metrics) record["metrics"][name] = value;
    record["loss"] = evaluation.loss;
    if (task_.problem_type != ProblemType::regression) {
      record["classes"] = classes();
      record["calibration"] = calibration();
    }
    if (task_.problem_type == ProblemType::single_label_classification) {
      record["confusion"] = confusion();
    }
    record["kept"] = kept();
    record["worst"] = worst();
    return record;
  }

 private:
  bool is_multi() const { return task_.problem_type == ProblemType::multi_label_classification; }
  std::span<const float> logits_of(size_t row) const {
    return logits_.subspan(row * outputs_, outputs_);
  }
  const data::Example& example(size_t row) const { return rows_.dataset.rows[row]; }

  RowRecord row(size_t number) const {
    const std::span<const float> logits = logits_of(number);
    const data::Example& example = this->example(number);
    RowRecord record;
    record.loss = data::row_loss(task_, logits, example);
    if (task_.regression()) {
      record.label = rounded(example.score);
      record.predicted = rounded(static_cast<double>(logits[0]));
      return record;
    }
    if (is_multi()) {
      record.label = example.classes;
      record.predicted = Json::array();
      for (size_t c = 0; c < outputs_; ++c) {
        if (logits[c] >= 0) record.predicted.push_back(c);
      }
      return record;
    }
    const std::vector<double> probabilities = data::row_probabilities(task_, logits);
    const auto predicted =
        static_cast<size_t>(data::argmax_rows(logits, static_cast<int64_t>(outputs_))[0]);
    record.label = example.label;
    record.predicted = predicted;
    record.probability = probabilities[predicted];
    record.label_probability = probabilities[static_cast<size_t>(example.label)];
    return record;
  }

  Json classes() const {
    const std::span<const data::Example> examples = rows_.dataset.rows;
    const auto counts = is_multi() ? data::count_class_sets(logits_, examples, task_.num_labels())
                                   : data::count_classes(logits_, examples, task_.num_labels());
    Json list = Json::array();
    for (size_t c = 0; c < counts.size(); ++c) {
      list.push_back({{"label", task_.labels[c]},
                      {"precision", counts[c].precision()},
                      {"recall", counts[c].recall()},
                      {"f1", counts[c].f1()},
                      {"support", counts[c].actual},
                      {"predicted", counts[c].predicted}});
    }
    return list;
  }

  // Cells that are not 0: as many as rows at most, whatever the number of classes.
  Json confusion() const {
    std::map<std::pair<int64_t, int64_t>, int64_t> cells;
    const std::vector<int64_t> predicted = data::argmax_rows(logits_, task_.num_labels());
    for (size_t i = 0; i < predicted.size(); ++i) ++cells[{example(i).label, predicted[i]}];
    Json list = Json::array();
    for (const auto& [cell, count] : cells) list.push_back({cell.first, cell.second, count});
    return list;
  }

  Json calibration() const {
    struct Bin {
      int64_t count = 0, right = 0;
      double probability = 0;
    };
    std::vector<Bin> bins(kCalibrationBins);
    const auto add = [&](double probability, bool is_right) {
      const auto at = static_cast<int64_t>(probability * kCalibrationBins);
      Bin& bin = bins[static_cast<size_t>(std::clamp<int64_t>(at, 0, kCalibrationBins - 1))];
      ++bin.count;
      bin.right += is_right;
      bin.probability += probability;
    };
    for (size_t i = 0; i < rows_.dataset.rows.size(); ++i) {
      const std::vector<double> p = data::row_probabilities(task_, logits_of(i));
      const std::vector<int32_t>& present = example(i).classes;
      for (size_t c = 0; is_multi() && c < p.size(); ++c) {
        add(p[c], std::ranges::binary_search(present, static_cast<int32_t>(c)));
      }
      if (is_multi()) continue;
      const auto best = static_cast<size_t>(data::argmax_rows(logits_of(i), task_.num_labels())[0]);
      add(p[best], static_cast<int64_t>(best) == example(i).label);
    }
    const int64_t total = std::accumulate(bins.begin(), bins.end(), int64_t{0},
                                          [](int64_t sum, const Bin& b) { return sum + b.count; });
    double error = 0;
    Json list = Json::array();
    for (const Bin& bin : bins) {
      const auto count = static_cast<double>(std::max<int64_t>(bin.count, 1));
      const double mean = bin.probability / count, share = static_cast<double>(bin.right) / count;
      error += static_cast<double>(bin.count) / static_cast<double>(total) * std::abs(share - mean);
      list.push_back({{"count", bin.count}, {"probability", mean}, {"share", share}});
    }
    return {{"expected_calibration_error", error}, {"bins", list}};
  }

  Json kept() const {
    Json kept{{"label", Json::array()}, {"predicted", Json::array()}};
    const bool has_probability = !is_multi() && !task_.regression();
    const auto count = static_cast<size_t>(std::min(rows_.size(), kKeptRows));
    size_t answers = 0;  // of the rows so far: several a row where it may have several labels
    for (size_t i = 0; i < count && answers < kKeptAnswers; ++i) {
      const RowRecord record = row(i);
      answers += record.label.size() + record.predicted.size();
      kept["label"].push_back(record.label);
      kept["predicted"].push_back(record.predicted);
      if (has_probability) kept["probability"].push_back(rounded(record.probability));
      kept["loss"].push_back(rounded(record.loss));
    }
    return kept;
  }

  // A class, classes or a score for people.
  std::string text_of(const Json& answer) const {
    if (task_.regression()) return fmt::format("{:.4g}", answer.get<double>());
    if (!answer.is_array()) return task_.labels[answer.get<size_t>()];
    std::string text;
    for (const Json& number : answer) {
      text += (text.empty() ? "" : ", ") + task_.labels[number.get<size_t>()];
    }
    return text.empty() ? "(none)" : text;
  }

  Json worst() const {
    std::vector<std::pair<double, size_t>> order;
    for (size_t i = 0; i < rows_.dataset.rows.size(); ++i) {
      order.emplace_back(-data::row_loss(task_, logits_of(i), example(i)), i);
    }
    const auto count = std::min<size_t>(order.size(), kWorstRows);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                      order.end());
    Json list = Json::array();
    for (size_t i = 0; i < count; ++i) {
      const data::Example& example = this->example(order[i].second);
      const RowRecord record = row(order[i].second);
      Json entry{{"row", order[i].second},
                 {"id", example.id ? shown(*example.id) : std::to_string(example.index)},
                 {"text", shown(example.text_a, kTextCharacters)}};
      if (task_.has_pair()) entry["text_pair"] = shown(example.text_b, kTextCharacters);
      entry["label"] = text_of(record.label);
      entry["predicted"] = text_of(record.predicted);
      if (!is_multi() && !task_.regression()) {
        entry["probability"] = record.probability;
        entry["label_probability"] = record.label_probability;
      }
      entry["loss"] = record.loss;
      list.push_back(std::move(entry));
    }
    return list;
  }

  const Rows& rows_;
  const data::Task& task_;
  std::span<const float> logits_;
  size_t outputs_;
};

}  // namespace

Json evaluation_record(const Rows& rows, std::span<const float> logits,
                       const Evaluation& evaluation) {
  return SplitRecorder(rows, logits).record(evaluation);
}

void write_evaluation(const RunFolder& folder, int64_t step, const Json& splits) {
  folder.write_file(kFile, json_text(Json{{"step", step}, {"splits", splits}}) + "\n");
}

Json read_evaluation(const RunFolder& folder, int64_t step) {
  const std::string path = folder.file(kFile);
  if (!is_file(path)) return nullptr;
  const nlohmann::json file = read_json_object(path, kMaxBytes);
  if (file.value("step", int64_t{-1}) != step || !file.contains("splits")) return nullptr;
  return Json(file.at("splits"));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
