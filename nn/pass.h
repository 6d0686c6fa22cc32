// Pass: what a forward pass needs to know beside its input: mode, random numbers, observer. Modules
// keep none of these, so the same model can train and evaluate in turns.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "autograd/variable.h"
#include "core/rng.h"

namespace soragrad::nn {

struct Pass {
  bool training = false;  // true: dropout acts
  uint64_t seed = 42;     // the run's seed: dropout masks depend on it
  // Number of the forward pass since the start of training. Each number has its own dropout masks,
  // so equal numbers repeat a pass.
  uint32_t step = 0;
  // If set, the number is read from this address in GPU memory instead: a captured graph draws new
  // masks at each replay (core/rng.h).
  const uint32_t* step_at = nullptr;
  // If set, it gets the output of every module with the module's path. Models then compute every
  // output in full: all tokens of the last layer, all rows of the relative table.
  std::function<void(const std::string& path, const Variable& output)> observe = {};
  // true: each layer keeps its input and little more, and is computed again in the backward pass
  // (models/encoder.cpp). Same bits, less memory, more time. An observed pass ignores it.
  // Duty of the caller: the model lives until backward() is done.
  bool checkpoint = false;

  // The random stream of one site, which random_site(path) numbers (core/rng.h).
  RandomStream stream(uint32_t site) const { return {seed, site, step, step_at}; }
  // The same pass without its observer, for a module that runs a second time on other data.
  Pass unobserved() const { return {training, seed, step, step_at, nullptr, checkpoint}; }
};

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
