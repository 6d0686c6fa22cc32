// How a model is loaded for a task.
#pragma once

#include "data/task.h"
#include "models/load.h"

namespace soragrad::train {

// The task's classes. A model of own data takes the task's order of them; one of a GLUE task keeps
// the order that its config.json has.
models::LoadOptions load_options(const data::Task& task);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
