// The device work of one training step: forward and backward pass of each batch, then the update.
// The run's sora::Tuner owns the order of a step; this class decides how its work is executed.
//
// On a GPU both are recorded as CUDA graphs and launched as a whole (recorded_work.h), where
// `cuda_graphs` says so: the update once, the passes once for each class of batches - the number of
// sequences, and tokens and longest sequence rounded up. A batch is filled up to its class with
// idle tokens, which change no result (autograd/ops.h, AttentionLayout). What differs from batch to
// batch - ids, offsets, positions, answers, the number of the pass - is read from a block of memory
// that is uploaded first; Optimizer::prepare() uploads the rates in every step,
// recorded or not.
//
// The first step, which is not recorded, packs weights and makes cuBLASLt choose. All ways give the
// same bits.
#pragma once

#include <cstdint>
#include <tuple>

#include "data/batch.h"
#include "models/labels.h"
#include "train/loop/input_block.h"
#include "train/loop/recorded_work.h"
#include "train/loop/session.h"

namespace soragrad::train {

// The class of a batch: at most an eighth more tokens, a quarter more length, in steps of 32.
models::InputSizes graph_sizes(int64_t tokens, int64_t longest);

class TrainStep {
 public:
  explicit TrainStep(Session& session);

  // The passes of one of the `parts` batches of a step: adds the gradient of its mean loss / parts.
  // -> the loss, (), not yet read.
  Tensor run_batch(const data::Batch& batch, int64_t parts);
  // The step's update. -> the regularizer, (), or undefined.
  Tensor update();

 private:
  using ClassKey = std::tuple<int64_t, int64_t, int64_t>;  // sequences, tokens, max_length

  Tensor run_passes(const models::Input& input, const Answers& answers, const Tensor& share,
                    const nn::Pass& pass);

  Session& session_;
  bool rounds_;                       // batches are filled up
  models::ClassMap classes_of_task_;  // in the model
  RecordedSteps<ClassKey, InputBlock> steps_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
