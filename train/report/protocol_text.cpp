#include "train/report/protocol_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "data/permutation.h"
#include "data/task.h"
#include "train/config/protocol.h"
#include "train/report/text_table.h"

namespace soragrad::train {

namespace {

constexpr size_t kValueColumn = 32;

// "key  value  [source]", the source on a line of its own where it does not fit a terminal.
std::string stated_line(std::string_view key, std::string_view value, std::string_view source) {
  std::string line = fmt::format("{:<{}}{}", key, kValueColumn, value);
  if (source == kNotStated && value == kNotStated) return line + '\n';
  const bool fits = line.size() + source.size() + 4 <= kScreen;
  line += fits ? "  " : "\n" + std::string(kValueColumn, ' ');
  return line + fmt::format("[{}]\n", source);
}

std::string settings_text(const ProtocolRules& rules, data::Protocol protocol) {
  const bool paper = protocol == data::Protocol::paper;
  constexpr const char* kCode = "A, src/util.py, run_glue.py";
  std::string text = stated_line("train_head", rules.train_head ? "true" : "false",
                                 paper                                 ? "A, config/"
                                 : protocol == data::Protocol::adalora ? "B, NLU/"
                                                                       : "T");
  if (rules.truncated_schedule) {
    text += stated_line("length of the rates", "int(epochs * rows / batch)", kCode);
  }
  if (rules.gate_warmup_rounds_down) {
    text += stated_line("warm-up of the gates", "rounded down", kCode);
  }
  for (const Stated& stated : rules.settings) {
    text += stated_line(stated.key, stated.value, stated.source);
  }
  return text;
}

// "task  words words", broken between words into lines of a terminal.
std::string more_text(std::string_view task, std::string_view words) {
  std::string text, line = fmt::format("{:<5}", task);
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (line.size() + 1 + word.size() > kScreen) {
      text += line + '\n';
      line = std::string(5, ' ');
    }
    line += fmt::format(" {}", word);
    words.remove_prefix(std::min(words.size(), word.size() + 1));
  }
  return text + line + '\n';
}

std::string tasks_text(const ProtocolRules& rules, data::Protocol protocol) {
  TextTable table{{"task", "selection"}, {}};
  const bool stated = !rules.tasks.empty();
  if (stated) {
    for (const char* name : {"rate", "batch", "epochs", "length"}) table.header.emplace_back(name);
  }
  std::string more;
  for (const data::Task& task : data::glue_tasks()) {
    if (!task.trainable()) continue;
    std::vector<std::string> row{task.name, std::string(data::selection_metric(task, protocol))};
    const TaskSettings* settings = settings_of(protocol, task.name);
    for (const auto field : {&TaskSettings::learning_rate, &TaskSettings::batch,
                             &TaskSettings::epochs, &TaskSettings::max_seq_length}) {
      if (stated) row.emplace_back(settings ? settings->*field : kNotStated);
    }
    if (settings && !settings->more.empty()) more += more_text(task.name, settings->more);
    table.rows.push_back(row);
  }
  std::string text = to_text(table, 2);
  if (stated) text += fmt::format("source: {}\n", rules.tasks_source);
  return text + more;
}

}  // namespace

std::string protocols_text() {
  std::string text;
  for (const ProtocolRules& rules : protocols()) {
    const data::Protocol protocol = data::parse_protocol(rules.name);
    text += fmt::format("protocol={}: {}\n\n{}\n{}\n", rules.name, rules.about,
                        settings_text(rules, protocol), tasks_text(rules, protocol));
  }
  text += "seed-42 permutations of protocol paper begin\n";
  struct Rows {
    const char* what;
    int64_t count;
  };
  for (const Rows rows :
       {Rows{"rte dev", 277}, Rows{"mrpc dev", 408}, Rows{"cola dev", 1043}, Rows{"stsb dev", 1500},
        Rows{"mnli matched dev", 9815}, Rows{"sst2 train", 67349}, Rows{"qnli train", 104743},
        Rows{"qqp train", 363846}}) {
    const std::vector<int64_t> order = data::torch_randperm(rows.count, 42);
    text += fmt::format("  {:<18} {:>6} rows: {} {} {} {} ...\n", rows.what, rows.count, order[0],
                        order[1], order[2], order[3]);
  }
  return text +
         "\nsources: A github.com/TsinghuaC3I/SoRA, A#n its issue n; B\n"
         "github.com/QingruZhang/AdaLoRA; C arXiv 2303.10512; T transformers, run_glue.py.\n"
         "Of the SoRA paper (arXiv 2311.11696) no table of settings could be read: what it\n"
         "alone would say is \"not stated\".\n";
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
