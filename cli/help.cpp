#include "cli/help.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "core/console.h"

namespace soragrad::cli {

namespace {

constexpr size_t kColumns = 100, kFewestColumns = 40;

struct Examples {
  std::string_view verb, first, second;
};

constexpr Examples kExamples[] = {
    {"", "soragrad train model=models/deberta-v3-base task=rte data=glue",
     "soragrad eval --run runs/rte-sora-42"},
    {"train", "soragrad train model=models/deberta-v3-base task=rte data=glue method=lora r=8",
     "soragrad train --resume runs/rte-lora-42"},
    {"eval", "soragrad eval --run runs/rte-sora-42 --split test",
     "soragrad eval --model models/roberta-base --adapter my-adapter --task cola --data glue"},
    {"predict",
     "soragrad predict --run runs/rte-sora-42 --input glue/RTE/test.tsv --output RTE.tsv",
     "soragrad predict --model my-model --task sst2 --input rows.tsv --output predictions.tsv"},
    {"data", "soragrad data reviews.csv --model models/deberta-v3-base",
     "soragrad data train.jsonl validation_file=dev.jsonl label_column=topic --json"},
    {"trace",
     "soragrad trace --model models/bert-base --task rte --input dev.tsv --output t.safetensors",
     "soragrad trace --model m --task cola --input dev.tsv --rows 4 --grad --output t.safetensors"},
    {"tokenize", "soragrad tokenize --model models/deberta-v3-base < sentences.txt > ids.txt",
     "soragrad tokenize --model models/roberta-base --max-length 128 < pairs.tsv > ids.txt"},
    {"inspect", "soragrad inspect runs/rte-sora-42", "soragrad inspect --json models/roberta-base"},
    {"report", "soragrad report runs/rte-sora-42",
     "soragrad report runs/rte-sora-1 runs/rte-sora-2 --output seeds.html"},
    {"export", "soragrad export --run runs/rte-sora-42 --format peft --output rte-peft",
     "soragrad export --run runs/rte-sora-42 --format merged --output rte-model"},
    {"fetch", "soragrad fetch model microsoft/deberta-v3-base --output models/deberta-v3-base",
     "soragrad fetch task rte --output glue --format tsv"},
    {"doctor", "soragrad doctor",
     "soragrad doctor model=models/deberta-v3-base task=rte data=glue precision=bf16"},
    {"pretrain",
     "soragrad pretrain model=small corpus=books.txt.xz output=runs/small max_steps=1000",
     "soragrad pretrain --resume runs/small"},
    {"train-tokenizer",
     "soragrad train-tokenizer --model-type bert --vocab-size 8000 --corpus books.txt --output "
     "small",
     "soragrad train-tokenizer --model-type deberta-v2 --vocab-size 8000 --corpus a.txt --output "
     "m"},
    {"table", "soragrad table paper_main_table.yaml --tasks rte,mrpc --seeds 0,1",
     "soragrad table grid.yaml --jobs 4"},
};

// Where text that continues a line begins: under its second column (after two or more blanks),
// else two beyond its own indent; at most half of the columns.
size_t hanging_indent(std::string_view line, size_t columns) {
  const size_t indent = std::min(line.find_first_not_of(' '), line.size());
  const size_t gap = line.find("  ", indent);
  const size_t second = gap == line.npos ? line.npos : line.find_first_not_of(' ', gap);
  return std::min(second == line.npos ? indent + 2 : second, columns / 2);
}

}  // namespace

std::string examples(std::string_view verb) {
  const auto* found = std::find_if(std::begin(kExamples), std::end(kExamples),
                                   [&](const Examples& row) { return row.verb == verb; });
  if (found == std::end(kExamples)) return "";
  std::string text = "Examples:";
  for (const std::string_view line : {found->first, found->second}) {
    text.append("\n  ").append(line);
  }
  return text;
}

std::string wrapped(std::string_view text, size_t columns) {
  std::string result;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t indent = hanging_indent(line, columns);
    while (line.size() > columns) {
      size_t cut = line.rfind(' ', columns);
      if (cut == line.npos || line.find_first_not_of(' ') > cut || cut <= indent) {
        cut = line.find(' ', columns);  // a word of its own is wider than the screen
        if (cut == line.npos) break;
      }
      result.append(line, 0, line.find_last_not_of(' ', cut) + 1) += '\n';
      line = std::string(indent, ' ') +
             line.substr(std::min(line.find_first_not_of(' ', cut), line.size()));
    }
    result.append(line, 0, line.find_last_not_of(' ') + 1) += '\n';
  }
  return result;
}

size_t help_columns() {
  const auto terminal = static_cast<size_t>(terminal_columns(STDOUT_FILENO));
  return terminal == 0 ? kColumns : std::clamp(terminal, kFewestColumns, kColumns);
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
