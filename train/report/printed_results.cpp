#include "train/report/printed_results.h"

#include <fmt/format.h>

#include <filesystem>
#include <iterator>

#include "core/error.h"
#include "core/file.h"
#include "models/config.h"
#include "models/family.h"
#include "train/config/protocol.h"

namespace soragrad::train {

namespace {

constexpr std::string_view kTasks[] = {"cola", "sst2", "mrpc", "qnli",
                                       "stsb", "rte",  "mnli", "qqp"};

struct PrintedRow {
  std::string_view method;
  long rank;  // 0: whatever the rank
  std::string_view scores[8];
};

// DeBERTaV3-base on the SoRA paper's splits, as re-printed by github.com/zeyuliu1037/AFLoRA.
constexpr PrintedRow kSoraPaper[] = {
    {"full",
     0,
     {"69.21", "95.64", "89.22", "93.78", "91.59", "82.49", "89.98/89.95", "92.05/89.31"}},
    {"lora",
     8,
     {"69.73", "95.57", "89.71", "93.76", "91.86", "85.32", "90.47/90.46", "91.95/89.26"}},
    {"adalora",
     0,
     {"70.86", "95.95", "90.22", "94.28", "91.39", "87.36", "90.27/90.30", "92.13/88.41"}},
    {"sora",
     4,
     {"71.05", "95.57", "90.20", "93.92", "91.76", "86.04", "90.38/90.43", "92.06/89.44"}},
};

// DeBERTaV3-base on GLUE's dev sets: AdaLoRA paper (arXiv 2303.10512), Table 1.
constexpr PrintedRow kAdalora[] = {
    {"full",
     0,
     {"69.19", "95.63", "89.46", "94.03", "91.60", "83.75", "89.90/90.12", "92.40/89.80"}},
    {"bitfit",
     0,
     {"66.96", "94.84", "87.75", "92.24", "91.35", "78.70", "89.37/89.91", "88.41/84.95"}},
    {"houlsby",
     32,
     {"68.64", "95.53", "89.95", "94.11", "91.48", "84.48", "90.13/90.17", "91.91/89.27"}},
    {"pfeiffer",
     64,
     {"68.77", "95.61", "89.46", "94.29", "91.54", "85.20", "90.33/90.39", "92.04/89.40"}},
    {"lora",
     8,
     {"69.82", "94.95", "89.95", "93.87", "91.60", "85.20", "90.65/90.69", "91.99/89.38"}},
    {"lora",
     2,
     {"68.71", "94.95", "89.71", "94.03", "91.68", "85.56", "90.30/90.38", "91.61/88.91"}},
    {"adalora",
     8,
     {"71.45", "96.10", "90.69", "94.55", "91.84", "88.09", "90.76/90.79", "92.23/89.74"}},
    {"adalora",
     2,
     {"70.04", "95.80", "90.44", "94.49", "91.63", "87.36", "90.66/90.70", "91.78/89.16"}},
};

long rank_of(const sora::MethodConfig& method) {
  if (method.method == "adalora") return method.target_r;
  if (method.method == "houlsby" || method.method == "pfeiffer") return method.bottleneck;
  return method.r;
}

// All rows are of DeBERTaV3-base. Without a config.json, as if a table is printed on another
// machine, the folder's name tells.
bool is_deberta_v3_base(const std::string& folder) {
  if (!path_exists(std::filesystem::path(folder) / "config.json")) {
    return folder.find("deberta-v3-base") != folder.npos;
  }
  try {
    const models::ModelConfig model = models::read_config(folder);
    return model.family->model_type == "deberta-v2" && model.hidden_size == 768 &&
           model.layers == 12;
  } catch (const Error&) {
    return false;
  }
}

// The row of a run, or null.
const PrintedRow* row_of(const Config& config) {
  const sora::MethodConfig& method = config.method;
  if (!is_deberta_v3_base(config.model)) return nullptr;
  if (!method.target_modules.empty() || config.schedule != "none") return nullptr;
  const std::span<const PrintedRow> rows = config.protocol == "paper"
                                               ? std::span<const PrintedRow>(kSoraPaper)
                                               : std::span<const PrintedRow>(kAdalora);
  for (const PrintedRow& row : rows) {
    if (row.method == method.method && (row.rank == 0 || row.rank == rank_of(method))) return &row;
  }
  return nullptr;
}

// "a" or the mean of "a/b".
double number_of(std::string_view score) {
  const size_t slash = score.find('/');
  const double first = std::stod(std::string(score.substr(0, slash)));
  return slash == score.npos ? first
                             : (first + std::stod(std::string(score.substr(slash + 1)))) / 2;
}

}  // namespace

std::string printed_score(std::string_view task, const Config& config) {
  const PrintedRow* row = row_of(config);
  for (size_t i = 0; i < std::size(kTasks) && row; ++i) {
    if (kTasks[i] == task) return std::string(row->scores[i]);
  }
  return std::string(kNotStated);
}

std::string printed_average(const Config& config) {
  const PrintedRow* row = row_of(config);
  if (!row) return std::string(kNotStated);
  double sum = 0;
  for (const std::string_view score : row->scores) sum += number_of(score);
  return fmt::format("{:.2f}", sum / static_cast<double>(std::size(kTasks)));
}

std::span<const std::string_view> printed_tasks() {
  return kTasks;
}

std::string_view printed_source(std::string_view protocol) {
  return protocol == "paper"
             ? "SoRA paper (arXiv 2311.11696), DeBERTaV3-base, as re-printed by "
               "github.com/zeyuliu1037/AFLoRA; r = 4 for sora, 8 for lora"
             : "AdaLoRA paper (arXiv 2303.10512), Table 1, DeBERTaV3-base on the dev sets, mean of "
               "5 seeds";
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
