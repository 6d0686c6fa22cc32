#include "sora/targets.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "nn/checkpoint/mapped_file.h"
#include "sora/method.h"

namespace soragrad::sora {
namespace {

// The part of a path behind the layer's number, and the whole path where there is none.
std::string_view within_layer(std::string_view path) {
  const auto split = nn::split_layer(path);
  return split ? split->within : path;
}

// Whether the text is the pattern, whose stars stand for letters other than dots. Goes back to the
// last star alone, so that it takes no more than text * pattern steps.
bool glob(std::string_view text, std::string_view pattern) {
  size_t t = 0, p = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++t;
      ++p;
    } else if (star != std::string_view::npos && text[resume] != '.') {
      t = ++resume;
      p = star + 1;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

std::vector<nn::Linear*> linears(nn::Module& model) {
  std::vector<nn::Linear*> found;
  model.for_each_module([&](nn::Module& module) {
    if (auto* linear = dynamic_cast<nn::Linear*>(&module)) found.push_back(linear);
  });
  return found;
}

bool matches(std::string_view path, std::string_view target) {
  const auto parts = std::count(target.begin(), target.end(), '.') + 1;
  size_t begin = path.size();
  for (auto i = parts; i > 0; --i) {
    if (begin == std::string_view::npos || (begin == 0 && i < parts)) return false;
    begin = begin == 0 ? std::string_view::npos : path.rfind('.', begin - 1);
  }
  return glob(path.substr(begin == std::string_view::npos ? 0 : begin + 1), target);
}

std::vector<nn::Linear*> find_targets(nn::Module& model, const std::vector<std::string>& targets) {
  std::vector<nn::Linear*> found;
  std::vector<bool> used(targets.size(), false);
  std::set<std::string> names;
  for (nn::Linear* linear : linears(model)) {
    const std::string path = linear->path();
    if (nn::is_head(*linear)) continue;
    names.emplace(within_layer(path));
    bool take = targets.empty() && nn::is_layer_linear(linear->role());
    for (size_t i = 0; i < targets.size(); ++i) {
      if (!matches(path, targets[i])) continue;
      take = true;
      used[i] = true;
    }
    if (take) found.push_back(linear);
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    require(used[i], "[target_modules] \"{}\" matches no Linear; there are {}.", targets[i],
            fmt::join(names, ", "));
  }
  require(!found.empty(),
          "[target_modules] the model has no transformer layer whose Linears are known; there are "
          "{}: name some of them.",
          fmt::join(names, ", "));
  return found;
}

nn::Linear& linear_at(nn::Module& model, const std::string& path) {
  for (nn::Linear* linear : linears(model)) {
    if (linear->path() == path) return *linear;
  }
  fail("[adapter] the model has no Linear {}; is it the adapter's base model?",
       nn::printable(path));
}

}  // namespace soragrad::sora
