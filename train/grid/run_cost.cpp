#include "train/grid/run_cost.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <tuple>

#include "data/custom/folder.h"
#include "data/glue_folder.h"
#include "models/config.h"
#include "train/run/results_file.h"

namespace soragrad::train {

namespace {

namespace fs = std::filesystem;

constexpr double kBytesOfToken = 4.5;      // of English in any of the three vocabularies
constexpr double kParquetBytesOfRow = 60;  // compressed
constexpr double kNominalFlops = 4e10;     // of one thread, a second
constexpr double kEncoderWeights = 85e6;   // of a base model, if config.json cannot be read
constexpr std::streamsize kSample = 1 << 16;

struct Tokens {
  double train = 0, evaluation = 0;  // of one pass over the rows
  double rows = 0;                   // that train
};

std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Adds the tokens and rows of files.
void add(const std::vector<std::string>& files, const Config& config, double& tokens,
         double* rows = nullptr) {
  for (const std::string& file : files) {
    const FileRows found = estimate_rows(file);
    tokens += found.rows * std::min(found.bytes_of_row / kBytesOfToken,
                                    static_cast<double>(config.max_seq_length));
    if (rows) *rows += found.rows;
  }
}

Tokens tokens_of(const Config& config) {
  std::vector<std::string> train = parts_of(config.train_file);
  std::vector<std::string> validation = parts_of(config.validation_file);
  if (config.task == "custom") {
    if (train.empty()) {
      const data::CustomFolder folder = data::find_custom_files(config.data);
      train = folder.train;
      validation = folder.validation;
    }
  } else {
    const data::GlueFiles files =
        data::find_glue_files(data::find_task(config.task), config.data,
                              {config.train_file, config.validation_file, config.test_file});
    train = {files.train.path};
    validation = {files.validation.path, files.validation_mm.path};
  }
  Tokens tokens;
  add(train, config, tokens.train, &tokens.rows);
  add(validation, config, tokens.evaluation);
  return tokens;
}

// P: four products of hidden x hidden and two of hidden x intermediate in each layer.
double encoder_weights(const std::string& model) {
  try {
    const models::ModelConfig config = models::read_config(model);
    const auto hidden = static_cast<double>(config.hidden_size);
    return static_cast<double>(config.layers) *
           (4 * hidden * hidden + 2 * hidden * static_cast<double>(config.intermediate_size));
  } catch (const std::exception&) {
    return kEncoderWeights;
  }
}

double epochs_of(const Config& config, double rows) {
  const double batch = static_cast<double>(config.per_device_train_batch_size) *
                       static_cast<double>(config.gradient_accumulation_steps);
  double epochs = config.num_train_epochs;
  if (config.max_steps > 0) epochs = static_cast<double>(config.max_steps) * batch / rows;
  if (config.schedule != "none" && config.xi_steps) {
    epochs += config.phase_epochs * static_cast<double>(*config.xi_steps - 1);
  }
  return epochs;
}

// Mean of measured / nominal over some finished runs.
struct Ratio {
  double sum = 0;
  int64_t count = 0;
  void add(double ratio) {
    sum += ratio;
    ++count;
  }
};

}  // namespace

FileRows estimate_rows(const std::string& file) {
  std::error_code error;
  const auto size = static_cast<double>(fs::file_size(file, error));
  if (file.empty() || error) return {};
  if (file.ends_with(".parquet")) return {size / kParquetBytesOfRow, 2 * kParquetBytesOfRow};
  std::string sample(static_cast<size_t>(kSample), '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(sample.data(), kSample);
  sample.resize(static_cast<size_t>(stream.gcount()));
  const auto lines = std::max<double>(1, static_cast<double>(std::ranges::count(sample, '\n')));
  const double bytes = static_cast<double>(sample.size()) / lines;
  return {size / std::max(bytes, 1.0), bytes};
}

double nominal_seconds(const Config& config) {
  Tokens tokens;
  try {
    tokens = tokens_of(config);
  } catch (const std::exception&) {
    // The run itself tells what is wrong with its data.
  }
  const double rows = std::max(tokens.rows, 1.0);
  double share = 1;  // of the rows that are used
  if (config.max_train_samples > 0) {
    share = std::min(1.0, static_cast<double>(config.max_train_samples) / rows);
  }
  const double epochs = epochs_of(config, rows * share);
  const double steps =
      epochs * rows * share /
      static_cast<double>(config.per_device_train_batch_size * config.gradient_accumulation_steps);
  const double evaluations =
      config.eval_steps > 0 ? steps / static_cast<double>(config.eval_steps) : epochs;
  const double per_token = (config.method.method == "full" ? 6 : 4) * encoder_weights(config.model);
  const double work = epochs * share * tokens.train * per_token +
                      std::ceil(evaluations) * tokens.evaluation * 0.5 * per_token;
  return work / kNominalFlops;
}

RunCosts::RunCosts(const Recipe& recipe, const std::vector<GridRun>& runs) {
  std::map<std::string, Ratio> by_cell, by_method;
  Ratio overall;
  for (const GridRun& run : runs) {
    seconds_.push_back(nominal_seconds(config_of(recipe, run)));
    if (!is_complete(run.folder) || seconds_.back() <= 0) continue;
    const nlohmann::json results = read_results(run.folder);
    const auto measured = results.find("seconds");
    if (measured == results.end() || !measured->is_number()) continue;
    const double ratio = measured->get<double>() / seconds_.back();
    by_cell[run.task + "/" + run.method].add(ratio);
    by_method[run.method].add(ratio);
    overall.add(ratio);
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    const Ratio& cell = by_cell[runs[i].task + "/" + runs[i].method];
    const Ratio& method = by_method[runs[i].method];
    is_measured_.push_back(cell.count > 0);
    const Ratio& best = cell.count > 0 ? cell : method.count > 0 ? method : overall;
    if (best.count > 0) seconds_[i] *= best.sum / static_cast<double>(best.count);
  }
}

std::vector<size_t> RunCosts::costliest_first() const {
  std::vector<size_t> order(seconds_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](size_t run) { return seconds_[run]; });
  return order;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
