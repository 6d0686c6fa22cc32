// The command line: parses the verb and its options, runs it, turns errors into one line and an
// exit code - 0 done, 1 failed, 2 wrong usage.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <exception>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>

#include "cli/data.h"
#include "cli/doctor.h"
#include "cli/error_text.h"
#include "cli/eval.h"
#include "cli/export.h"
#include "cli/fetch.h"
#include "cli/help.h"
#include "cli/inspect.h"
#include "cli/pretrain.h"
#include "cli/processes.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/tokenize.h"
#include "cli/trace.h"
#include "cli/train.h"
#include "cli/train_tokenizer.h"
#include "cli/usage.h"
#include "cli/version.h"
#include "core/console.h"
#include "core/error.h"
#include "nn/checkpoint/lost_mapping.h"
#include "train/config/config.h"

namespace {

using namespace soragrad;

constexpr int kFailed = 1, kUsage = 2;

// Ranges of whole numbers; what lies outside is wrong usage, never cut to fit.
const CLI::Range kLengths(int64_t{3}, int64_t{1000000}, "a whole number from 3 to 1000000");
const CLI::Range kRowCounts(int64_t{1}, int64_t{1} << 30, "a whole number of at least 1");
const CLI::Range kIndices(int64_t{0}, int64_t{1} << 62, "a whole number of at least 0");

// A verb's options live as long as the parser; what it runs is called after parsing.
struct CommandLine {
  CLI::App app{
      "Fine-tunes DeBERTaV3, RoBERTa and BERT with sparse low-rank adaptation, and pre-trains "
      "them."};
  std::function<int()> action;
  cli::TrainOptions train, pretrain;
  cli::DataOptions data;
  cli::EvalOptions eval, predict;
  cli::InspectOptions inspect;
  cli::ExportOptions exported;
  cli::DoctorOptions doctor;
  cli::FetchOptions fetch;
  cli::ReportOptions report;
  cli::TableOptions table;
  cli::TokenizeOptions tokenize;
  cli::TraceOptions trace;
  cli::TrainTokenizerOptions train_tokenizer;
};

CLI::App* verb(CommandLine& line, const char* name, const char* help, std::function<int()> run) {
  CLI::App* sub = line.app.add_subcommand(name, help);
  sub->callback([&line, run = std::move(run)] { line.action = run; });
  return sub;
}

void add_profile_option(CLI::App* sub, std::string& file) {
  sub->add_option("--profile", file,
                  "Print time, GFLOP/s and GB/s by op and kernel; write a Chrome (Perfetto) trace")
      ->type_name("FILE.json");
}

void add_train(CommandLine& line) {
  cli::TrainOptions& o = line.train;
  CLI::App* sub =
      verb(line, "train", "Train a run", cli::together([&o] { return cli::train_main(o); }));
  sub->add_option("--config", o.config, "YAML file of keys")->type_name("FILE.yaml");
  sub->add_option("--resume", o.resume, "Continue the run in this folder")->type_name("DIR");
  sub->add_option("--model", o.model, "With --resume: where the base model is now")
      ->type_name("DIR");
  sub->add_flag("--dump-config", o.dump_config, "Print the effective YAML and stop");
  add_profile_option(sub, o.profile);
  sub->add_option("KEYS", o.arguments, "Keys, which win over the file's")->type_name("key=value");
  sub->footer([] { return train::keys_help(); });
}

void add_pretrain(CommandLine& line) {
  cli::TrainOptions& o = line.pretrain;
  CLI::App* sub =
      verb(line, "pretrain", "Pre-train a model on text", [&o] { return cli::pretrain_main(o); });
  sub->add_option("--config", o.config, "YAML file of keys")->type_name("FILE.yaml");
  sub->add_option("--resume", o.resume, "Continue the run in this folder")->type_name("DIR");
  sub->add_option("--model", o.model, "With --resume: where the model's folder is now")
      ->type_name("DIR");
  sub->add_flag("--dump-config", o.dump_config, "Print the effective YAML and stop");
  add_profile_option(sub, o.profile);
  sub->add_option("KEYS", o.arguments, "Keys, which win over the file's")->type_name("key=value");
  sub->footer([] { return train::keys_help(train::Verb::pretrain); });
}

void add_train_tokenizer(CommandLine& line) {
  cli::TrainTokenizerOptions& o = line.train_tokenizer;
  CLI::App* sub = verb(line, "train-tokenizer", "Train a tokenizer on text",
                       [&o] { return cli::train_tokenizer_main(o); });
  sub->add_option("--model-type", o.model_type, "deberta-v2, roberta or bert")->required();
  sub->add_option("--vocab-size", o.vocab_size, "Tokens, special ones included")
      ->required()
      ->check(CLI::Range(1, 1 << 24));
  sub->add_option("--corpus", o.corpus, "Text files (.txt, .xz; comma, globs)")->required();
  sub->add_option("--output", o.output, "Folder to write")->required();
  sub->add_flag("--cased", o.cased, "bert: keep upper case and accents");
  sub->add_option("--layers", o.layers, "Of the config.json that is written [4]")
      ->check(CLI::Range(1, 256));
  sub->add_option("--hidden-size", o.hidden_size, "The same [192]")->check(CLI::Range(8, 65536));
  sub->add_option("--heads", o.heads, "The same [3]")->check(CLI::Range(1, 1024));
}

void add_model_options(CLI::App* sub, cli::EvalOptions& o) {
  sub->add_option("--run", o.run,
                  "Run folder: final/ of a finished run or one with `schedule`, else best/")
      ->type_name("DIR");
  sub->add_option("--phase", o.phase, "With --run: its model after this phase of `schedule`")
      ->check(kIndices);
  sub->add_option("--model", o.model, "Model folder; with --run: where its base model is now")
      ->type_name("DIR");
  sub->add_option("--adapter", o.adapter, "Adapter folder for --model")->type_name("DIR");
  sub->add_option("--task", o.task, "GLUE task, or custom; with --run: the run's");
  sub->add_option("--protocol", o.protocol, "Splits: glue, paper, adalora; with --run: the run's");
  sub->add_option("--max-length", o.max_length,
                  "Tokens a row is cut to [128]; with --run: the run's")
      ->check(kLengths);
  sub->add_option("--batch-size", o.batch_size, "Rows of a batch [64]")
      ->check(CLI::Range(1, 65536));
  sub->add_option("--device", o.device, "auto, cpu or cuda [auto]")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  sub->add_option("--precision", o.precision, "fp32 or bf16 [fp32]; with --run: the run's");
  sub->add_option("--threads", o.threads, "Threads on the host [all]")->check(CLI::Range(0, 1024));
}

void add_own_keys(CLI::App* sub, std::vector<std::string>& keys) {
  const auto check = [sub](const std::string& word) {
    return cli::has_option_for(*sub, word) ? "an option of this verb" : std::string();
  };
  sub->add_option(cli::kOwnKeys, keys, "Keys of own data (--task custom)")
      ->type_name("key=value")
      ->check(CLI::Validator(check, ""));
}

void add_eval(CommandLine& line) {
  cli::EvalOptions& o = line.eval;
  CLI::App* sub = verb(line, "eval", "Print metrics as JSON, and a table by class on stderr",
                       cli::together([&o] { return cli::eval_main(o); }));
  add_model_options(sub, o);
  sub->add_option("--data", o.data, "GLUE root or the task's folder; with --run: the run's");
  sub->add_option("--split", o.split, "validation or test [validation]");
  add_own_keys(sub, o.keys);
  add_profile_option(sub, o.profile);
}

void add_predict(CommandLine& line) {
  cli::EvalOptions& o = line.predict;
  CLI::App* sub = verb(line, "predict", "Write predictions: names, or GLUE's submission format",
                       cli::together([&o] { return cli::predict_main(o); }));
  add_model_options(sub, o);
  sub->add_option("--input", o.input, "File in the task's format")->required();
  sub->add_option("--output", o.output, "FILE.tsv or FILE.jsonl to write")->required();
  sub->add_flag("--probabilities", o.probabilities, "The probability of every class too");
  add_own_keys(sub, o.keys);
}

void add_data(CommandLine& line) {
  cli::DataOptions& o = line.data;
  CLI::App* sub = verb(line, "data", "Show what train would do with own files (task=custom)",
                       [&o] { return cli::data_main(o); });
  sub->add_option("WORDS", o.words, "Training files, and keys of `train` as key=value")
      ->type_name("FILE|key=value");
  sub->add_option("--model", o.model, "Model folder: class order and lengths in tokens")
      ->type_name("DIR");
  sub->add_flag("--json", o.json, "As one JSON object");
}

void add_inspect(CommandLine& line) {
  cli::InspectOptions& o = line.inspect;
  CLI::App* sub = verb(line, "inspect", "Show what a model, checkpoint, adapter or run holds",
                       [&o] { return cli::inspect_main(o); });
  sub->add_option("PATH", o.paths,
                  "Folder or file; several runs: their ranks and costs; protocols: their table")
      ->required();
  sub->add_flag("--json", o.json, "As one JSON object");
  sub->add_option("--html", o.html, "Page with pictures to write")->type_name("FILE");
}

void add_report(CommandLine& line) {
  cli::ReportOptions& o = line.report;
  CLI::App* sub = verb(line, "report", "Write the page of a run, or of several side by side",
                       [&o] { return cli::report_main(o); });
  sub->add_option("RUN", o.runs, "Run folders")->required();
  sub->add_option("--output", o.output,
                  "HTML file to write [report.html, for one run in its folder]")
      ->type_name("FILE.html");
}

void add_export(CommandLine& line) {
  cli::ExportOptions& o = line.exported;
  CLI::App* sub = verb(line, "export", "Write a trained run in a form that others read",
                       [&o] { return cli::export_main(o); });
  sub->add_option("--run", o.run, "Run folder")->required();
  sub->add_option("--model", o.model, "Where its base model is now")->type_name("DIR");
  sub->add_option("--phase", o.phase, "The model after this phase of `schedule`")->check(kIndices);
  sub->add_option("--format", o.format, "peft, merged or pruned")->required();
  sub->add_option("--output", o.output, "Folder to write")->required();
}

void add_table(CommandLine& line) {
  cli::TableOptions& o = line.table;
  CLI::App* sub = verb(line, "table", "Run what is missing of a grid and print its table",
                       [&o] { return cli::table_main(o); });
  sub->add_option("RECIPE", o.recipe, "YAML file of tasks, methods and seeds")->required();
  sub->add_option("KEYS", o.arguments, "Keys of `train` for all runs, over the recipe's")
      ->type_name("key=value");
  sub->add_option("--tasks", o.tasks, "Only these, separated by commas")->delimiter(',');
  sub->add_option("--methods", o.methods, "Only these")->delimiter(',');
  sub->add_option("--seeds", o.seeds, "Only these")->delimiter(',')->check(kIndices);
  sub->add_option("--runs", o.runs, "Only these, by the names of their folders")->delimiter(',');
  sub->add_option("--shard", o.shard, "Do part i of n of the runs: i/n");
  sub->add_option("--format", o.format, "text, markdown, csv or html [text]");
  sub->add_option("--against", o.against, "Compare each method with this one, paired over seeds")
      ->type_name("METHOD");
  sub->add_flag("--print-only", o.print_only, "Run nothing");
  sub->add_flag("--worker", o.worker,
                "Share the folder with other workers: costliest run first, dead workers' runs too");
  sub->add_option("--jobs", o.jobs, "Workers on this machine [one a core, as memory allows]")
      ->type_name("N")
      ->expected(0, 1);
  sub->add_flag("--status", o.status, "Print what is done, running, failed and left");
  sub->add_option("--emit", o.emit, "Print the runs that are left: tasks, slurm, parallel or hq")
      ->type_name("ENGINE");
  sub->add_option("--heartbeat", o.heartbeat,
                  "Seconds between a worker's signs of life [10]; it counts as dead after three")
      ->check(CLI::Range(0.1, 3600.0));
}

void add_fetch(CommandLine& line) {
  cli::FetchOptions& o = line.fetch;
  CLI::App* sub = verb(line, "fetch", "Download a model or a GLUE task from a Hub endpoint",
                       [&o] { return cli::fetch_main(o); });
  sub->add_option("KIND", o.kind, "model or task")->required();
  sub->add_option("NAME", o.name, "microsoft/deberta-v3-base, deberta-v3-base; rte, glue")
      ->required();
  sub->add_option("--output", o.output, "Folder to write")->required();
  sub->add_option("--revision", o.revision, "Branch, tag or commit [pinned, else main]");
  sub->add_option("--format", o.format,
                  "Of a task: parquet from the Hub, or tsv from GLUE's own server [parquet]");
  sub->footer([] {
    return "HF_ENDPOINT, HF_TOKEN and HTTPS_PROXY are honoured; HF_HUB_OFFLINE=1 refuses.\n"
           "An interrupted download is continued by the same command.";
  });
}

void add_doctor(CommandLine& line) {
  cli::DoctorOptions& o = line.doctor;
  CLI::App* sub = verb(line, "doctor", "Check this machine, and whether a run would work",
                       [&o] { return cli::doctor_main(o); });
  sub->add_option("--config", o.config, "YAML file of keys")->type_name("FILE.yaml");
  sub->add_option("KEYS", o.arguments, "Keys of `train`; without any the machine alone is checked")
      ->type_name("key=value");
}

void add_tokenize(CommandLine& line) {
  cli::TokenizeOptions& o = line.tokenize;
  CLI::App* sub = verb(line, "tokenize", "Lines of text in, lines of token ids out",
                       [&o] { return cli::tokenize_main(o); });
  sub->add_option("--model", o.model, "Model folder")->required();
  sub->add_option("--mode", o.mode, "slow or fast");
  sub->add_option("--max-length", o.max_length, "Tokens a line is cut to");
}

void add_trace(CommandLine& line) {
  cli::TraceOptions& o = line.trace;
  CLI::App* sub = verb(line, "trace", "Write everything one batch makes a model compute",
                       [&o] { return cli::trace_main(o); });
  sub->add_option("--model", o.model, "Model folder")->required();
  sub->add_option("--adapter", o.adapter, "Adapter folder");
  sub->add_option("--task", o.task, "GLUE task, or custom")->required();
  sub->add_option("--input", o.input, "File in the task's format")->required();
  sub->add_option("--start", o.start, "Rows to skip [0]")->check(kIndices);
  sub->add_option("--rows", o.rows, "Rows of the batch [8]")->check(kRowCounts);
  sub->add_option("--max-length", o.max_length, "Tokens a row is cut to [512]")->check(kLengths);
  sub->add_option("--seed", o.seed, "Of a freshly drawn head [42]")->check(kIndices);
  sub->add_option("--device", o.device, "cpu or cuda [cpu]")->check(CLI::IsMember({"cpu", "cuda"}));
  sub->add_option("--precision", o.precision, "fp32, or bf16 for the trunk's products [fp32]");
  sub->add_flag("--grad", o.grad, "Gradients of all parameters too");
  sub->add_option("--output", o.output, "safetensors file to write")->required();
  add_own_keys(sub, o.keys);
}

// Every help ends with two examples, after what the verb itself has put below its options.
void add_examples(CLI::App& app) {
  app.footer(cli::examples(""));
  for (CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    sub->footer(cli::examples(sub->get_name()));
  }
}

int run(CommandLine& line, int argc, char** argv) {
  try {
    cli::check_verb(line.app, argc, argv);
    line.app.parse(argc, argv);
    return line.action();
  } catch (const CLI::Success& success) {  // --help, --version
    std::ostringstream text;
    const int code = line.app.exit(success, text, text);
    write_output(cli::wrapped(text.str(), cli::help_columns()));
    return code;
  } catch (const CLI::ParseError& error) {
    return cli::end_with_error(kUsage, cli::usage_text(line.app, error, argc, argv));
  } catch (const UsageError& error) {
    return cli::end_with_error(kUsage, error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  protect_standard_streams();
  nn::explain_lost_mappings();
  try {
    CommandLine line;
    line.app.name("soragrad");
    line.app.set_version_flag("--version", cli::version_text);
    line.app.require_subcommand(1);
    for (auto add : {add_train, add_eval, add_predict, add_trace, add_data, add_tokenize,
                     add_inspect, add_report, add_export, add_table, add_fetch, add_doctor,
                     add_pretrain, add_train_tokenizer}) {
      add(line);
    }
    add_examples(line.app);
    return run(line, argc, argv);
  } catch (const std::exception& error) {
    return cli::end_with_error(kFailed, cli::error_text(error));
  }
}

// SPDX-License-Identifier: Apache-2.0
