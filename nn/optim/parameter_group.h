// Parameter groups: which parameters an optimizer updates, and how. As in torch.optim, a group is a
// set of parameters that share a learning rate, Adam's constants and a weight decay; here it also
// has an update rule and a proximal operator.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nn/module.h"

namespace soragrad::nn {

enum class Update : uint8_t {
  adamw_torch,  // p -= lr wd p, then p -= lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps)
  adamw_hf,     // transformers 4.14: p -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps),
                // then p -= lr wd p
  sgd,          // p -= lr (grad + wd p)
};

// What is done to each element p after its update, with the threshold t. Nothing where t <= 0.
enum class Proximal : uint8_t {
  none,
  exact,        // sign(p) max(|p| - t, 0), t = rate * xi: the SoRA paper's equation
  released,     // where p > t subtract t; then where p < -t add t; then |p| < t is 0; t = xi
  released_lr,  // the same operator with t = rate * xi
};

struct ParameterGroup {
  std::vector<Parameter*> parameters = {};  // trainable, with values; may be empty
  double learning_rate = 1e-3;              // peak: a schedule multiplies it
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;
  Update update = Update::adamw_torch;
  Proximal proximal = Proximal::none;
  double xi = 0;  // threshold of the proximal operator
};

// Takes the parameters that `belongs` accepts out of their group and puts them into a new one at
// the end, whose settings are those of the group they come from.
//   nn::split_off(groups, is_lora_b).learning_rate *= 16;  // LoRA+
// Returns the new group; the reference is valid until the vector grows. Throws where no parameter
// is accepted, and where the accepted ones come from several groups.
ParameterGroup& split_off(std::vector<ParameterGroup>& groups,
                          const std::function<bool(const Parameter&)>& belongs);

// Whether a parameter is decayed: not where its name ends in "bias" or its path holds "LayerNorm"
// or "layer_norm".
bool is_decayed(const std::string& path);

// The rule that `optim` names: adamw_torch or adamw_hf. The operator that `proximal` names: exact,
// released or released_lr. Both throw for other names, listing those that are known.
Update update_of(const std::string& optim);
Proximal proximal_of(const std::string& name);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
