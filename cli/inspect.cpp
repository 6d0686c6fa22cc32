#include "cli/inspect.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/inspect_runs.h"
#include "cli/output_file.h"
#include "core/console.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "models/family.h"
#include "nn/checkpoint/checkpoint.h"
#include "sora/adapter_file.h"
#include "train/loop/open_trained.h"
#include "train/report/method_counts.h"
#include "train/report/page.h"
#include "train/report/protocol_text.h"
#include "train/report/rank_table.h"
#include "train/report/summary.h"
#include "train/report/threshold_path.h"
#include "train/run/results_file.h"
#include "train/run/run_folder.h"
#include "train/run/run_inputs.h"

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// "M.gate" (sora) or "M.lora_E" (adalora) -> M; empty for other names, those of a trace's gradients
// and activations among them.
std::string gated_module(const std::string& name) {
  if (name.starts_with("grad.") || name.starts_with("act.")) return {};
  for (const std::string_view ending : {".gate", ".lora_E"}) {
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  }
  return {};
}

// Every tensor of a file or folder, and the ranks that its gates keep.
Json tensors_of(const std::string& path) {
  const nn::Checkpoint file = nn::open_checkpoint(path);
  Json result;
  result["file"] = file.where();
  int64_t elements = 0, zero = 0, total = 0;
  Json tensors = Json::array(), ranks = Json::array(), gates = Json::object();
  for (const nn::StoredTensor& tensor : file.tensors()) {
    elements += tensor.numel();
    tensors.push_back(
        {{"name", shown(tensor.name)}, {"dtype", tensor.type}, {"shape", tensor.sizes}});
    const std::string module = gated_module(tensor.name);
    if (module.empty()) continue;
    std::vector<float> values(static_cast<size_t>(tensor.numel()));
    tensor.require_loadable();
    nn::copy_to<float>(tensor, values);
    int64_t zeros = 0;
    for (const float value : values) zeros += value == 0;
    zero += zeros;
    total += tensor.numel();
    gates[shown(tensor.name)] = values;
    ranks.push_back(
        {{"module", shown(module)}, {"kept", tensor.numel() - zeros}, {"rank", tensor.numel()}});
  }
  result["parameters"] = elements;
  if (total > 0) {
    result["gates_zero"] = zero;
    result["gates"] = total;
    result["sparsity"] = static_cast<double>(zero) / static_cast<double>(total);
    result["ranks"] = ranks;
    result["gate_values"] = gates;
  }
  result["tensors"] = tensors;
  return result;
}

Json adapter_of(const std::string& folder) {
  const sora::AdapterConfig config = sora::read_adapter_config(folder);
  Json result{{"kind", "adapter"},
              {"method", config.method.method},
              {"task", config.info.task},
              {"base_model", config.info.base_model},
              {"num_labels", config.info.num_labels},
              {"peft", config.peft}};
  const bool torch = !path_exists(folder + "/adapter_model.safetensors");
  result.update(tensors_of(folder + (torch ? "/adapter_model.bin" : "/adapter_model.safetensors")));
  return result;
}

Json pretraining_of(const train::RunFolder& run) {
  const train::Config config = train::config_of(run, train::Verb::pretrain);
  Json result{{"kind", "pre-training run"},
              {"complete", train::is_complete(run.path())},
              {"objective", config.pretrain.objective},
              {"seed", config.seed},
              {"model", config.model},
              {"checkpoints", run.checkpoints()}};
  if (!is_folder(run.file("final"))) return result;
  result["weights"] = run.file("final");
  result.update(tensors_of(run.file("final")));
  return result;
}

// Throws naming the file if it has not all that is shown of it.
nlohmann::json results_of(const train::RunFolder& run) {
  nlohmann::json results = train::read_results(run.path());
  try {
    train::summary_text(results);
  } catch (const nlohmann::json::exception&) {
    fail(
        "[{}] lacks a member, or has one of another type. Remove the file; --resume, or the grid, "
        "then writes it anew.",
        run.file(train::kResultsFile));
  }
  return results;
}

Json run_of(const std::string& path) {
  const train::RunFolder run = train::RunFolder::open(path, false);
  if (train::verb_of(run) == train::Verb::pretrain) return pretraining_of(run);
  const train::Config config = train::config_of(run, train::Verb::train);
  const bool done = train::is_complete(run.path());
  Json result{{"kind", "run"},
              {"complete", done},
              {"task", config.task},
              {"method", config.method.method},
              {"seed", config.seed},
              {"model", config.model},
              {"checkpoints", run.checkpoints()}};
  if (done) result["results"] = results_of(run);
  const bool trained = is_folder(run.file("best")) || is_folder(run.file("final"));
  if (!trained) return result;
  const std::string folder = train::trained_folder(run);
  result["weights"] = folder;
  const bool full = config.method.method == "full";
  result.update(full ? tensors_of(folder) : tensors_of(folder + "/adapter_model.safetensors"));
  return result;
}

Json model_of(const std::string& path) {
  Json result{{"kind", is_folder(path) ? "model" : "checkpoint"}};
  if (!path_exists(path + "/config.json")) return result;
  const models::ModelConfig config = models::read_config(path);
  result["model_type"] = config.family->model_type;
  result["layers"] = config.layers;
  result["hidden_size"] = config.hidden_size;
  result["heads"] = config.heads;
  result["vocab_size"] = config.vocab_size;
  result["num_labels"] = config.num_labels;
  for (const train::MethodCount& count : train::method_counts(config)) {
    result["methods"].push_back({{"method", count.method},
                                 {"settings", count.settings},
                                 {"trained", count.trained},
                                 {"head", count.head},
                                 {"model", count.model}});
  }
  return result;
}

std::vector<sora::ModuleRank> ranks_in(const Json& object) {
  return train::ranks_of(nlohmann::json(object["ranks"]));
}

std::vector<train::MethodCount> methods_in(const Json& object) {
  std::vector<train::MethodCount> counts;
  for (const Json& row : object["methods"]) {
    counts.push_back({row["method"], row["settings"], row["trained"], row["head"], row["model"]});
  }
  return counts;
}

std::string text_of(const Json& object) {
  std::string text;
  for (const auto& [key, value] : object.items()) {
    if (value.is_structured() && key != "checkpoints") continue;
    text += fmt::format("{:<12} {}\n", key,
                        value.is_string() ? value.get<std::string>() : json_text(value));
  }
  if (object.contains("results")) {
    text += '\n';
    text += train::summary_text(nlohmann::json(object["results"]));
  } else if (object.contains("ranks")) {
    text += "\nkept rank of each module:\n" + train::rank_table(ranks_in(object));
  }
  if (object.contains("methods")) {
    text += "\nparameters that methods would train:\n" +
            train::to_text(train::method_table(methods_in(object)), 2);
  }
  if (!object.contains("tensors")) return text;
  text += fmt::format("\n{} tensors\n", object["tensors"].size());
  for (const Json& tensor : object["tensors"]) {
    text += fmt::format("  {:<5} {:<16} {}\n", tensor["dtype"].get<std::string>(),
                        nn::to_text(tensor["shape"].get<std::vector<int64_t>>()),
                        tensor["name"].get<std::string>());
  }
  return text;
}

std::string page_of(const std::string& path, const Json& object) {
  Json short_object = object;
  short_object.erase("tensors");
  std::string body = "<pre>" + train::html_escaped(text_of(short_object)) + "</pre>\n";
  if (object.contains("ranks")) {
    const std::vector<sora::ModuleRank> ranks = ranks_in(object);
    body += train::to_svg(train::rank_map(train::rank_grid(ranks), "Kept rank of each module"));
  }
  if (const Json results = object.value("results", Json()); results.contains("phases")) {
    body += train::path_html(train::read_path(nlohmann::json(results["phases"]),
                                              results["path_metric"].get<std::string>()));
  }
  return train::html_page(path, body);
}

}  // namespace

Json inspect_path(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  require(path_exists(path), "[{}] does not exist.", shown(path));
  if (train::RunFolder::is_run(path)) return run_of(path);
  const std::string ending = std::filesystem::path(path).extension().string();
  require(is_folder(path) || ending == ".safetensors" || ending == ".bin" || ending == ".pt" ||
              ending == ".pth",
          "[{}] is no file of weights (.safetensors, .bin, .pt, .pth); give such a file, or the "
          "folder of a run, an adapter or a model.",
          shown(path));
  if (path_exists(path + "/adapter_config.json")) return adapter_of(path);
  Json result = model_of(path);
  result.update(tensors_of(path));
  return result;
}

int inspect_main(const InspectOptions& options) {
  if (!options.html.empty()) require_result_file(options.html);
  if (options.paths.size() > 1) return inspect_runs(options);
  const std::string& path = options.paths.at(0);
  if (path == "protocols" && !path_exists(path)) {
    write_output(train::protocols_text());
    return 0;
  }
  const Json object = inspect_path(path);
  if (!options.html.empty()) write_file_atomically(options.html, page_of(path, object));
  write_output(options.json ? json_text(object, 1) + "\n" : text_of(object));
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
