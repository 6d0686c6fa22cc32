#include "train/recipe/recipe.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>

#include "core/error.h"
#include "core/text.h"
#include "train/config/own_data.h"
#include "train/config/suggest.h"
#include "train/config/yaml_file.h"

namespace soragrad::train {

namespace {

using Named = std::vector<std::pair<std::string, RecipeKeys>>;

struct RecipeReader {
  const std::string& path;

  std::string at(const YAML::Node& node) const {
    return fmt::format("{}:{}", path, node.Mark().line + 1);
  }
  std::string scalar(const YAML::Node& node) const {
    require(node.IsScalar(), "[recipe] {}: expected a word.", at(node));
    return node.Scalar();
  }
  RecipeKeys keys(const YAML::Node& node) const {
    RecipeKeys result;
    if (node.IsNull()) return result;
    require(node.IsMap(), "[recipe] {}: expected keys of `train`: {{key: value}}.", at(node));
    for (const auto& entry : node) {
      const std::string key = scalar(entry.first), where = at(entry.first);
      result.push_back({key, yaml_value(entry.second, where, key), where});
    }
    return result;
  }
  Named named(const YAML::Node& node) const {
    require(node.IsMap(), "[recipe] {}: expected {{name: {{key: value}}}}.", at(node));
    Named result;
    for (const auto& entry : node) {
      const std::string name = scalar(entry.first);
      for (const auto& [other, unused] : result) {
        require(other != name, "[recipe] {}: {} appears twice.", at(entry.first), quote(name));
      }
      const bool plain =
          !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](unsigned char c) {
            return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '/';
          });
      require(plain && name.find("..") == name.npos,
              "[recipe] {}: the name {} is not 1 to 64 letters, digits, - _ . and /, without `..`.",
              at(entry.first), quote(name));
      result.emplace_back(name, keys(entry.second));
    }
    return result;
  }
  std::vector<int64_t> seeds(const YAML::Node& node) const {
    require(node.IsSequence(), "[recipe] {}: seeds must be a list.", at(node));
    std::vector<int64_t> result;
    for (const YAML::Node& item : node) {
      Config check;
      set(check, "seed", scalar(item), at(item));
      if (std::ranges::find(result, check.seed) != result.end()) {
        throw UsageError(
            fmt::format("[recipe] {}: the seed {} appears twice; its run would count twice.",
                        at(item), check.seed));
      }
      result.push_back(check.seed);
    }
    return result;
  }
  int64_t folds(const YAML::Node& node) const {
    Config check;
    set(check, "k_folds", scalar(node), at(node));
    if (check.custom.k_folds == 1) {
      throw UsageError(fmt::format("[recipe] {}: folds is 1; there are 2 at least.", at(node)));
    }
    return check.custom.k_folds;
  }
};

template <typename T, typename Name>
void keep(std::vector<T>& all, const std::vector<Name>& wanted, const char* what, auto name_of) {
  if (wanted.empty()) return;
  std::vector<T> kept;
  for (const Name& name : wanted) {
    const auto found =
        std::ranges::find_if(all, [&](const T& item) { return name_of(item) == name; });
    if (found == all.end()) {
      std::vector<Name> known;
      for (const T& item : all) known.push_back(name_of(item));
      throw UsageError(fmt::format("[table] the recipe has no {} {}; it has {}.", what, name,
                                   fmt::join(known, ", ")));
    }
    if (std::ranges::find(kept, name, name_of) != kept.end()) {
      throw UsageError(fmt::format("[recipe] the {} {} is chosen twice.", what, name));
    }
    kept.push_back(*found);
  }
  all = std::move(kept);
}

void apply(Config& config, const RecipeKeys& keys) {
  for (const RecipeKey& key : keys) {
    if (key.key == "seed" || key.key == "output") {
      throw UsageError(fmt::format("[recipe] {}: {} is not a run's own; the recipe's {} decides.",
                                   key.where, key.key, key.key == "seed" ? "seeds" : "output"));
    }
    set(config, key.key, key.value, key.where);
  }
}

const RecipeKeys* find(const Named& named, const std::string& name) {
  const auto found = std::ranges::find_if(named, [&](const auto& n) { return n.first == name; });
  return found == named.end() ? nullptr : &found->second;
}

// Names may hold a -, as folders do between them: "a" of "b-c" would meet "a-b" of "c".
void require_own_folders(const Recipe& recipe) {
  std::map<std::string, GridRun> owners;
  for (const GridRun& run : runs_of(recipe)) {
    const auto [owner, fresh] = owners.emplace(run.folder, run);
    require(
        fresh,
        "[recipe] {}: {} of {} and {} of {} would both be in {}; give one of them another name.",
        recipe.path, quote(owner->second.method), quote(owner->second.task), quote(run.method),
        quote(run.task), name_of(recipe, run));
  }
}

}  // namespace

Recipe read_recipe(const std::string& path) {
  const YAML::Node root = read_yaml_file(path, "recipe");
  require(root.IsMap(), "[recipe] {}: expected output, seeds, common, methods and tasks.", path);
  Recipe recipe;
  recipe.path = path;
  const RecipeReader reader{recipe.path};
  for (const auto& entry : root) {
    const std::string key = reader.scalar(entry.first);
    const YAML::Node& value = entry.second;
    if (key == "title") {
      recipe.title = reader.scalar(value);
    } else if (key == "output") {
      recipe.output = reader.scalar(value);
    } else if (key == "seeds") {
      recipe.seeds = reader.seeds(value);
    } else if (key == "folds") {
      recipe.folds = reader.folds(value);
    } else if (key == "common") {
      recipe.common = reader.keys(value);
    } else if (key == "methods") {
      recipe.methods = reader.named(value);
    } else if (key == "tasks") {
      recipe.tasks = reader.named(value);
    } else if (key == "cells") {
      recipe.cells = reader.named(value);
    } else {
      constexpr std::string_view kNames[] = {"title",  "output",  "seeds", "folds",
                                             "common", "methods", "tasks", "cells"};
      const std::string_view near = nearest(key, kNames);
      throw UsageError(fmt::format("[recipe] {}: there is no key {}{}", reader.at(entry.first),
                                   quote(key),
                                   near.empty() ? "." : fmt::format("; did you mean `{}`?", near)));
    }
  }
  require(!recipe.output.empty() && !recipe.seeds.empty() && !recipe.methods.empty() &&
              !recipe.tasks.empty(),
          "[recipe] {} needs output, seeds, methods and tasks.", path);
  for (const auto& [cell, keys] : recipe.cells) {
    const size_t slash = cell.find('/');
    require(slash != cell.npos && find(recipe.tasks, cell.substr(0, slash)) &&
                find(recipe.methods, cell.substr(slash + 1)),
            "[recipe] {}: the cell {} is not TASK/METHOD of this recipe.", path, quote(cell));
  }
  require_own_folders(recipe);
  return recipe;
}

void select(Recipe& recipe, const std::vector<std::string>& tasks,
            const std::vector<std::string>& methods, const std::vector<int64_t>& seeds) {
  const auto name = [](const auto& item) { return item.first; };
  keep(recipe.tasks, tasks, "task", name);
  keep(recipe.methods, methods, "method", name);
  keep(recipe.seeds, seeds, "seed", [](int64_t seed) { return seed; });
}

void override_keys(Recipe& recipe, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const size_t equals = argument.find('=');
    const std::string key = argument.substr(0, equals);
    if (key == "method" || key == "task" || key == "seed") {
      throw UsageError(fmt::format(
          "[table] {} tells the runs of a table apart; choose some of them by --{}s.", key, key));
    }
    Config check;
    set_argument(check, argument);
    if (key == "output") {
      recipe.output = check.output;
    } else {
      recipe.overrides.push_back({key, argument.substr(equals + 1), "the command line"});
    }
  }
  require(!recipe.output.empty(), "[table] output is empty; name a folder.");
}

std::vector<GridRun> runs_of_cell(const Recipe& recipe, const std::string& task,
                                  const std::string& method) {
  std::vector<GridRun> runs;
  for (const int64_t seed : recipe.seeds) {
    const std::string folder = fmt::format("{}/{}-{}-{}", recipe.output, task, method, seed);
    if (recipe.folds == 0) runs.push_back({task, method, seed, -1, folder});
    for (int64_t fold = 0; fold < recipe.folds; ++fold) {
      runs.push_back({task, method, seed, fold, fmt::format("{}-fold{}", folder, fold)});
    }
  }
  return runs;
}

std::vector<GridRun> runs_of(const Recipe& recipe) {
  std::vector<GridRun> runs;
  for (const auto& [task, task_keys] : recipe.tasks) {
    for (const auto& [method, method_keys] : recipe.methods) {
      std::ranges::move(runs_of_cell(recipe, task, method), std::back_inserter(runs));
    }
  }
  return runs;
}

std::string name_of(const Recipe& recipe, const GridRun& run) {
  return run.folder.substr(recipe.output.size() + 1);
}

Config config_of(const Recipe& recipe, const GridRun& run) {
  Config config;
  apply(config, recipe.common);
  config.origins.clear();  // a method that does not read a common key is no mistake
  const RecipeKeys& method = *find(recipe.methods, run.method);
  const RecipeKeys& task = *find(recipe.tasks, run.task);
  const auto has = [](const RecipeKeys& keys, std::string_view name) {
    return std::ranges::any_of(keys, [&](const RecipeKey& key) { return key.key == name; });
  };
  if (!has(method, "method") && !has(recipe.common, "method")) {
    set(config, "method", run.method, recipe.path);
  }
  if (!has(task, "task")) set(config, "task", run.task, recipe.path);
  apply(config, method);
  apply(config, task);
  if (const RecipeKeys* cell = find(recipe.cells, run.task + "/" + run.method)) {
    apply(config, *cell);
  }
  apply(config, recipe.overrides);
  config.seed = run.seed;
  config.output = run.folder;
  if (run.fold >= 0) {
    if (!is_custom(config)) {
      throw UsageError(fmt::format("[recipe] {}: folds are of own data; {} is not task: custom.",
                                   recipe.path, run.task));
    }
    config.custom.k_folds = recipe.folds;
    config.custom.fold = run.fold;
  }
  resolve(config);
  return config;
}

void check_same_run(const Config& config, const std::string& folder) {
  Config wanted = config, made;
  read_yaml(made, folder + "/config.yaml");
  for (const Key& key : keys()) {
    if (keeps_meaning(key.name)) continue;
    const std::string before = value_text(made, key), now = value_text(wanted, key);
    if (now == "auto" && is_custom(config) && is_settled_by_files(key.name)) continue;
    require(before == now,
            "[table] {} was started with {}={}, and the recipe has {} now; remove the run or "
            "choose another output=...",
            folder, key.name, before, now);
  }
}

Shard parse_shard(const std::string& text) {
  Shard shard;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, shard.index);
  bool good = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
  if (good) {
    const auto second = std::from_chars(first.ptr + 1, end, shard.count);
    good = second.ec == std::errc() && second.ptr == end;
  }
  if (!good || shard.index < 1 || shard.index > shard.count) {
    throw UsageError(
        fmt::format("[table] --shard is {}; expected i/n with 1 <= i <= n.", quote(text)));
  }
  return shard;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
