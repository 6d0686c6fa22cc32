// Several processes that train one run (core/communicator.h) must begin alike and stay alike.
//
// The functions require_...() are collective and do nothing in a process that is alone. They throw
// naming the first difference from process 0, with both values and hosts.
#pragma once

#include <cstdint>
#include <string>

#include "core/tensor.h"
#include "train/config/config.h"
#include "train/loop/session.h"

namespace soragrad::train {

// "24 rows (0123456789ab)": their number, and the first digits of a hash of tokens and labels.
std::string rows_text(const Rows& rows);

// Program and configuration, before anything is loaded. `version` is the program's.
void require_same_program(const Config& config, const std::string& version);

// Device, rows with their tokens and labels, and the base model.
void require_same_session(const Session& session);

// The trainable parameters after `step`. Equal programs on unlike processors may round differently.
void require_same_values(const Tensor& values, int64_t step);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
