// The names that run_glue.py, peft, AdapterHub, AdaLoRA's and SoRA's scripts give to settings, each
// with our answer: the key that means the same, or why there is none.
#pragma once

#include <string>
#include <string_view>

namespace soragrad::train {

// The key that another program's name means; empty if it is none or not known. Dashes count as
// underscores, capitals as small letters.
std::string_view key_of_other_name(std::string_view name);

// Advice on another program's name, without a full stop: "write `learning_rate`",
// "there is nothing to set: ..."; empty if the name is not known.
std::string advice_on_other_name(std::string_view name);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
