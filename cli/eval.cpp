#include "cli/eval.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/output_file.h"
#include "core/communicator.h"
#include "core/console.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/text.h"
#include "data/custom/predictions.h"
#include "data/submission.h"
#include "nn/checkpoint/mapped_file.h"
#include "train/loop/evaluate.h"
#include "train/loop/open_trained.h"
#include "train/loop/session.h"
#include "train/loop/trained_rows.h"
#include "train/report/class_table.h"
#include "train/report/profile_report.h"

namespace soragrad::cli {

namespace {

// Splits of the mismatched half, as run_glue.py names their metrics.
std::string suffix_of(const std::string& split) {
  return split.ends_with("_mm") ? "_mm" : "";
}

train::Trained open(const EvalOptions& options, bool needs_head) {
  if (options.threads > 0) set_num_threads(static_cast<int>(options.threads));
  return train::open_trained({options.run, options.model, options.adapter, options.task,
                              options.data, options.protocol, options.max_length, options.device,
                              options.precision, options.phase, needs_head, options.keys},
                             [](const std::string& line) { log_line(line); });
}

train::Rows encoded(const train::Trained& trained, data::NamedDataset rows) {
  if (const std::string text = train::dropped_text(rows.dataset); !text.empty()) {
    log_line(text);
  }
  return train::encode_rows(*trained.tokenizer, std::move(rows), trained.max_length,
                            trained.model->config().vocab_size);
}

}  // namespace

int eval_main(const EvalOptions& options) {
  const data::Split split = data::parse_split(options.split);
  const bool is_first = world().is_first();
  if (is_first && !options.profile.empty()) require_result_file(options.profile);
  train::Trained trained = open(options, /*needs_head=*/false);
  auto splits = train::evaluation_rows(trained, split);
  require(!splits.empty(), "[eval] {} has no {} data{}.", trained.task->name, options.split,
          trained.data.empty() ? "" : " below " + trained.data);
  nlohmann::ordered_json result = nlohmann::ordered_json::object();
  train::ProfileRun profile(is_first ? options.profile : "");
  for (data::NamedDataset& named : splits) {
    const train::Rows rows = encoded(trained, std::move(named));
    require(rows.dataset.labelled, "[eval] {} has no labels to compare with; use predict instead.",
            rows.dataset.path);
    const std::vector<float> logits =
        train::compute_logits(*trained.model, rows, options.batch_size, false);
    nn::require_unchanged_files();
    const train::Evaluation evaluation = train::score_logits(rows, logits);
    log_text(train::class_table(*trained.task, logits, rows.dataset.rows));
    for (const auto& [name, value] : evaluation.metrics) {
      result[name + suffix_of(rows.name)] = value;
    }
    result["loss" + suffix_of(rows.name)] = evaluation.loss;
    result["rows" + suffix_of(rows.name)] = rows.size();
  }
  profile.finish();
  if (is_first) write_output(json_text(result) + "\n");
  return 0;
}

int predict_main(const EvalOptions& options) {
  if (world().is_first()) require_result_file(options.output, {options.input});
  for (const char* other : {".csv", ".json", ".parquet", ".xlsx"}) {
    if (!options.output.ends_with(other)) continue;
    throw UsageError(fmt::format("[output] {}: predictions are written to FILE.tsv or FILE.jsonl.",
                                 quote(options.output)));
  }
  train::Trained trained = open(options, /*needs_head=*/true);
  const bool is_json = options.output.ends_with(".jsonl");
  if (trained.own_task && !is_json && !options.output.ends_with(".tsv")) {
    throw UsageError(fmt::format("[output] {}: predictions are written to FILE.tsv or FILE.jsonl.",
                                 quote(options.output)));
  }
  const train::Rows rows = encoded(trained, train::prediction_rows(trained, options.input));
  const std::vector<float> logits =
      train::compute_logits(*trained.model, rows, options.batch_size, false);
  nn::require_unchanged_files();
  if (!world().is_first()) return 0;
  if (trained.own_task || is_json || options.probabilities) {
    const std::string& separator = trained.config.custom.label_separator;
    write_file_atomically(
        options.output, data::prediction_text(*trained.task, logits, rows.dataset.rows,
                                              {.is_json = is_json,
                                               .has_probabilities = options.probabilities,
                                               .separator = separator.empty() ? "," : separator}));
  } else {
    data::write_submission(options.output, *trained.task, logits, rows.dataset.rows);
  }
  log_line(fmt::format("{} predictions in {}", rows.size(), options.output));
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
