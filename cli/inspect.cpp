#include "cli/inspect.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/error.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/json_file.h"
#include "sora/adapter_file.h"
#include "train/open_trained.h"
#include "train/rank_table.h"
#include "train/results.h"
#include "train/run_folder.h"

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

// Every tensor of a file or folder, and what gates say.
Json tensors_of(const std::string& path) {
  const nn::Checkpoint file = nn::open_checkpoint(path);
  Json result;
  result["file"] = file.where();
  int64_t elements = 0, zero = 0, total = 0;
  Json tensors = Json::array(), ranks = Json::array(), gates = Json::object();
  for (const nn::StoredTensor& tensor : file.tensors()) {
    elements += tensor.numel();
    tensors.push_back(
        {{"name", nn::printable(tensor.name)}, {"dtype", tensor.type}, {"shape", tensor.sizes}});
    const std::string module = gated_module(tensor.name);
    if (module.empty()) continue;
    std::vector<float> values(static_cast<size_t>(tensor.numel()));
    tensor.require_loadable();
    nn::copy_to<float>(tensor, values);
    int64_t zeros = 0;
    for (const float value : values) zeros += value == 0;
    zero += zeros;
    total += tensor.numel();
    gates[nn::printable(tensor.name)] = values;
    ranks.push_back({{"module", nn::printable(module)},
                     {"kept", tensor.numel() - zeros},
                     {"rank", tensor.numel()}});
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
  const bool torch = !fs::exists(folder + "/adapter_model.safetensors");
  result.update(tensors_of(folder + (torch ? "/adapter_model.bin" : "/adapter_model.safetensors")));
  return result;
}

Json run_of(const std::string& path) {
  const train::RunFolder run = train::RunFolder::open(path, false);
  train::Config config;
  train::read_yaml(config, run.file("config.yaml"));
  const bool done = fs::exists(run.file("results.json"));
  Json result{{"kind", "run"},
              {"complete", done},
              {"task", config.task},
              {"method", config.method.method},
              {"seed", config.seed},
              {"model", config.model},
              {"checkpoints", run.checkpoints()}};
  if (done) result["results"] = nn::read_json_object(run.file("results.json"));
  const bool trained = fs::is_directory(run.file("best")) || fs::is_directory(run.file("final"));
  if (!trained) return result;
  const std::string folder = train::trained_folder(run);
  result["weights"] = folder;
  const bool full = config.method.method == "full";
  result.update(full ? tensors_of(folder) : tensors_of(folder + "/adapter_model.safetensors"));
  return result;
}

Json inspect(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  require(fs::exists(path), "[inspect] {} does not exist.", path);
  if (train::RunFolder::is_run(path)) return run_of(path);
  if (fs::exists(path + "/adapter_config.json")) return adapter_of(path);
  Json result{{"kind", fs::is_directory(path) ? "model" : "checkpoint"}};
  if (fs::exists(path + "/config.json")) {
    const models::ModelConfig config = models::read_config(path);
    result["model_type"] = models::name_of(config.type);
    result["layers"] = config.layers;
    result["hidden_size"] = config.hidden_size;
    result["heads"] = config.heads;
    result["vocab_size"] = config.vocab_size;
    result["num_labels"] = config.num_labels;
  }
  result.update(tensors_of(path));
  return result;
}

std::string text_of(const Json& object) {
  std::string text;
  for (const auto& [key, value] : object.items()) {
    if (key == "tensors" || key == "ranks" || key == "results" || key == "gate_values") continue;
    text += fmt::format("{:<12} {}\n", key,
                        value.is_string() ? value.get<std::string>() : value.dump());
  }
  if (object.contains("results")) {
    text += '\n';
    text += train::summary_text(nlohmann::json(object["results"]));
  } else if (object.contains("ranks")) {
    std::vector<sora::ModuleRank> ranks;
    for (const Json& rank : object["ranks"]) {
      ranks.push_back({rank["module"].get<std::string>(), rank["kept"].get<int64_t>(),
                       rank["rank"].get<int64_t>()});
    }
    text += "\nkept rank of each module:\n" + train::rank_table(ranks);
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

}  // namespace

int inspect_main(const InspectOptions& options) {
  const Json object = inspect(options.path);
  fmt::print("{}", options.json ? object.dump(1) + "\n" : text_of(object));
  return 0;
}

}  // namespace soragrad::cli
