#include "train/loop/rescue.h"

#include <fmt/format.h>

#include <exception>
#include <string>
#include <vector>

#include "core/communicator.h"
#include "train/loop/interrupt.h"

namespace soragrad::train {

namespace {

// A line, if it can be written: the error that is on its way counts.
void try_note(const Note& note, const std::string& text) noexcept {
  try {
    note(text);
  } catch (...) {
  }
}

void rescue(const GuardedRun& run) noexcept {
  world().announce_failure();
  if (!run.folder.writes()) return;
  if (run.step == 0) return;  // a run that goes on without a checkpoint begins there
  try {
    const std::vector<int64_t> before = run.folder.checkpoints();
    // A step before a loss that is not finite may be bad already: it replaces no older checkpoint.
    const bool keeps_older =
        !run.parameters.is_consistent || (run.parameters.is_diverged && !before.empty());
    const bool is_saved = !before.empty() && before.back() == run.step;
    if (!keeps_older && !is_saved) run.save();
    const std::vector<int64_t> kept = run.folder.checkpoints();
    if (kept.empty()) return;
    try_note(run.note, fmt::format("`soragrad {} --resume {}` goes on from step {}", run.verb,
                                   run.folder.path(), kept.back()));
  } catch (const std::exception& error) {
    try_note(run.note,
             fmt::format("no checkpoint of step {} could be saved: {}", run.step, error.what()));
  }
}

}  // namespace

bool run_guarded(const GuardedRun& run) {
  const InterruptGuard guard;
  try {
    run.loop();
  } catch (const Interrupted&) {
    run.save();
    return false;
  } catch (const RunIsLost&) {
    throw;  // nothing is this process's to save
  } catch (...) {
    rescue(run);
    throw;
  }
  return true;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
