#include "cli/table_worker.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "cli/error_text.h"
#include "cli/train.h"
#include "core/console.h"
#include "core/text.h"
#include "train/grid/run_error.h"
#include "train/loop/interrupt.h"
#include "train/run/results_file.h"
#include "train/run/run_folder.h"

namespace soragrad::cli {

namespace {

constexpr auto kPoll = std::chrono::milliseconds(200);

double seconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// The exit code of the run: 0 if it is complete. Throws RunIsTaken if another process has it.
int complete_run(const train::Recipe& recipe, const train::GridRun& run) {
  if (!train::RunFolder::is_run(run.folder)) {
    // Claimed before data and model are read, so that workers do not do that for nothing.
    train::RunFolder folder = train::RunFolder::claim(run.folder);
    if (!train::RunFolder::is_run(run.folder)) {
      return train_run(train::config_of(recipe, run), log_text, {.folder = &folder});
    }
  }
  if (train::is_complete(run.folder)) return 0;
  return resume_run(run.folder, log_text);
}

class Worker {
 public:
  explicit Worker(const Work& work) : work_(work) {}

  WorkDone work() {
    WorkDone done;
    do {
      while (const std::optional<size_t> next = pick()) {
        done.exit_code = attempt(*next, done.failed);
        if (done.exit_code == 0 && train::interrupted_by() != 0) {
          done.exit_code = train::exit_code_of(train::interrupted_by());
        }
        if (done.exit_code != 0) return done;
      }
    } while (work_.takes_over && abandoned_run_appears());
    if (const int reason = train::interrupted_by()) done.exit_code = train::exit_code_of(reason);
    return done;
  }

 private:
  const train::GridRun& run(size_t index) const { return work_.runs[index]; }

  bool failed_meanwhile(size_t index) const {
    const std::optional<train::RunError> error = train::read_run_error(run(index).folder);
    return error && error->last >= started_;
  }

  // The first run in order that is nobody's.
  std::optional<size_t> pick() {
    for (const size_t index : work_.order) {
      if (tried_.contains(index) || train::is_complete(run(index).folder) ||
          failed_meanwhile(index))
        continue;
      if (!train::RunFolder::is_busy(run(index).folder)) return index;
      leave(index);
    }
    return std::nullopt;
  }

  void leave(size_t index) {
    if (!left_.insert(index).second) return;
    log_line(run(index).folder + " is being trained by another process");
  }

  int attempt(size_t index, int64_t& failed) {
    const train::GridRun& run = this->run(index);
    try {
      log_line(fmt::format("run {} of {}: {}", index + 1, work_.runs.size(), run.folder));
      const int code = complete_run(work_.recipe, run);
      if (code == 0) {
        tried_.insert(index);
        train::forget_run_error(run.folder);
      }
      return code;
    } catch (const train::RunIsLost&) {
      throw;
    } catch (const train::RunIsTaken&) {
      leave(index);
      // Without a lease that could be watched: an older program, or one of this machine.
      if (!train::lease_holder(run.folder)) tried_.insert(index);
    } catch (const std::exception& error) {  // out of memory too: the next run may be smaller
      const std::string text = error_text(error);
      log_line(bounded_line(fmt::format("soragrad: {}: {}", shown(run.folder), text)));
      train::record_run_error(run.folder, text);
      tried_.insert(index);
      ++failed;
    }
    return 0;
  }

  // Waits until every run that others hold has shown a sign of life; true as soon as one has become
  // free without being done.
  bool abandoned_run_appears() {
    std::map<size_t, int64_t> beats;
    for (const size_t index : work_.order) {
      if (tried_.contains(index) || train::is_complete(run(index).folder) ||
          failed_meanwhile(index))
        continue;
      const std::optional<train::LeaseHolder> holder = train::lease_holder(run(index).folder);
      beats[index] = holder ? holder->beat : 0;
    }
    while (!beats.empty() && train::interrupted_by() == 0) {
      for (auto item = beats.begin(); item != beats.end();) {
        const auto [index, beat] = *item;
        const std::optional<train::LeaseHolder> holder = train::lease_holder(run(index).folder);
        const bool is_busy = train::RunFolder::is_busy(run(index).folder);
        if (train::is_complete(run(index).folder) || failed_meanwhile(index) ||
            (is_busy && (!holder || holder->beat != beat))) {
          item = beats.erase(item);
        } else if (!is_busy) {
          left_.erase(index);
          return true;
        } else {
          ++item;
        }
      }
      if (!beats.empty()) std::this_thread::sleep_for(kPoll);
    }
    return false;
  }

  const Work& work_;
  const double started_ = seconds_now();
  std::set<size_t> tried_;  // done or failed here
  std::set<size_t> left_;   // to other processes, which has been told
};

}  // namespace

WorkDone do_runs(const Work& work) {
  return Worker(work).work();
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
