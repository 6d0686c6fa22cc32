// Pass: what a forward pass needs to know beside its input. No module keeps a mode or a generator.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "autograd/variable.h"
#include "core/rng.h"

namespace soragrad::nn {

struct Pass {
  bool training = false;  // dropout acts
  uint64_t seed = 42;
  uint32_t step = 0;  // number of the forward pass since the start of training: new dropout masks
  const uint32_t* step_at = nullptr;  // in memory of the GPU, instead of step (core/rng.h)
  // Sees the output of every module by its path. While set, models compute all outputs in full:
  // every token of the last layer, every row of the relative table.
  std::function<void(const std::string& path, const Variable& output)> observe;

  RandomStream stream(uint32_t site) const { return {seed, site, step, step_at}; }
  // The same pass unobserved, for a module that runs a second time on other data.
  Pass unobserved() const { return {training, seed, step, step_at, nullptr}; }
};

}  // namespace soragrad::nn
