// gates.bin: every gate of a run at its logged steps (SoRA's gates, AdaLoRA's singular values).
//   header   "soragrad gates 1\n", then {"modules": [[PATH, RANK], ...]}\n
//   record   step int64 | sum of all thresholds so far float64 | a float32 for each gate
// Numbers are little-endian; gates are in the order of the modules. A model of base size has 2.3 KB
// a record at rank 8.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "sora/method.h"
#include "train/run/append_file.h"

namespace soragrad::train {

struct GateRecord {
  int64_t step = 0;
  double threshold_sum = 0;  // of all updates up to this step; 0 for adalora
  std::vector<float> gates;
};

class GateLog {
 public:
  // Goes on after `step`: later records, which a run leaves that was killed after its checkpoint,
  // and half ones are cut off. A file of other modules is begun anew. Only path and rank of the
  // modules are read.
  GateLog(std::string path, std::span<const sora::ModuleRank> modules, int64_t step);

  // A record of all gates; throws as AppendFile does, and for another number of gates.
  void append(int64_t step, double threshold_sum, std::span<const real> gates);
  void sync() { file_->sync(); }
  int64_t last_step() const { return last_step_; }  // of the newest record; 0: there is none

 private:
  std::unique_ptr<AppendFile> file_;
  size_t gates_ = 0;
  int64_t last_step_ = 0;
};

struct GateHistory {
  std::vector<sora::ModuleRank> modules;  // `kept` is that of the last record
  std::vector<GateRecord> records;
  int64_t logged = 0;  // records of the file; more than `records` if they were thinned

  int64_t gates() const;
};

// The history in a file, thinned evenly to at most `most` records; the first and the last stay. An
// empty history if there is no file. Throws if the file is damaged.
GateHistory read_gates(const std::string& path, int64_t most);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
