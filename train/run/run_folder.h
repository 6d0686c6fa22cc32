// The folder of a run:
//   config.yaml  metrics.jsonl  gates.bin  evaluation.json  results.json  events.out.tfevents.*
//   best/  final/  checkpoints/step-N/
//   report.html; with `schedule`: phases/phase-K/  path.json  path.csv  path.html
// A folder is a run folder where its config.yaml begins with this program's line; nothing else is
// ever overwritten or deleted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "train/config/config.h"
#include "train/run/changed_keys.h"
#include "train/run/lease.h"

namespace soragrad::train {

// The text of a run's config.yaml.
std::string config_text(const Config& config, const std::vector<ChangedKey>& changes);

// The folders of a run, which another run in its place removes.
constexpr std::string_view kRunFolders[] = {"checkpoints", "best", "final", "phases"};

// In a run's folder: why a grid's attempt at it failed (train/grid/run_error.h).
constexpr std::string_view kErrorFile = "error.json";

class RunFolder {
 public:
  // Refuses a path that exists: a run without `overwrite`, anything else always (an empty folder
  // may be used). Changes nothing.
  static void check_free(const std::string& path, bool overwrite);
  // Makes the folder, locks it and takes its lease; start() begins the run.
  static RunFolder claim(const std::string& path);
  // Empties a claimed folder of the run before and writes config.yaml. Refuses what check_free()
  // refuses.
  void start(const Config& config) const;
  // claim() and start().
  static RunFolder create(const std::string& path, const Config& config);
  // An existing run. With `lock` it is locked, its lease is taken, and what a kill left
  // half-written is removed; throws RunIsTaken if another process trains it.
  static RunFolder open(const std::string& path, bool lock);
  // The same run as other processes that train it with this one see it: nothing is locked, and
  // what would write does nothing.
  static RunFolder observe(const std::string& path);
  static bool is_run(const std::string& path);
  // Whether a process trains the run of this folder now.
  static bool is_busy(const std::string& path);

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  const std::string& path() const { return path_; }
  bool writes() const { return writes_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  // The name of a new event file. A run that begins (step 0) first removes those of this program
  // that an earlier attempt left; other event files are never touched.
  std::string new_event_file(int64_t step) const;
  // `bytes` if an event file of this name has at least as many; else 0: the run needs a new one.
  int64_t own_event_bytes(const std::string& name, int64_t bytes) const;

  // To be called before anything is written to the folder by other means than this class. Throws
  // RunIsLost if another process has taken the run over (lease.h).
  void require_own() const;
  // Replaces a file of the folder in one step.
  void write_file(const std::string& name, std::string_view bytes) const;

  // Writes config.yaml anew, with a line for each key that changed since the run began.
  void write_config(const Config& config, const std::vector<ChangedKey>& changes) const;

  // Steps of the complete checkpoints, ascending.
  std::vector<int64_t> checkpoints() const;
  std::string checkpoint(int64_t step) const;
  // Fills checkpoints/step-N: `write` gets a temporary folder, which is synced and renamed. Then
  // removes the oldest beyond `limit` (0: none).
  void add_checkpoint(int64_t step, int64_t limit,
                      const std::function<void(const std::string& folder)>& write) const;
  // Replaces a folder of the run in one step in the same way.
  void replace_folder(const std::string& name,
                      const std::function<void(const std::string& folder)>& write) const;

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  void lock();

  std::string path_;
  int lock_ = -1;
  bool writes_ = true;
  std::unique_ptr<Lease> lease_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
