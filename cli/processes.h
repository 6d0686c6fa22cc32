// Verbs that several processes do together, started by mpirun or srun: train, eval, predict.
#pragma once

#include <functional>
#include <string_view>

#include "train/loop/session.h"

namespace soragrad::cli {

// An action that joins the processes that were started together, lets all do `action`, and waits
// for all. -> the exit code of `action`.
std::function<int()> together(std::function<int()> action);

// One line on how the processes of a run share its work; nothing for one process.
void tell_processes(const train::Session& session);

// Throws UsageError if several processes were started to do a verb that is one process's work.
void require_alone(std::string_view verb);

// One line about an error, and its exit code. Of several processes that fail, the first to get here
// tells, with its rank and host, and ends all; then this does not return.
int end_with_error(int code, std::string_view message);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
