// The device work of one step of pre-training: forward and backward pass of each batch, then the
// update. On a GPU both are recorded as CUDA graphs and launched as a whole (recorded_work.h),
// where `cuda_graphs` says so: the update once, the passes once for each class of batches, those of
// equal sizes. Sequences of a corpus are all full, so a run has a class or two. All ways give the
// same bits.
#pragma once

#include <cstdint>
#include <tuple>

#include "data/masks.h"
#include "models/pretraining.h"
#include "train/loop/pretrain_session.h"
#include "train/loop/recorded_work.h"

namespace soragrad::train {

// What a batch leaves behind, not yet read: reading waits for a GPU. Those of rtd are undefined for
// mlm (models::PretrainingOutput).
struct PretrainOutcome {
  Tensor loss;                // ()
  Tensor mlm_loss, rtd_loss;  // ()
  Tensor mlm_hits, rtd_hits;  // ()
  Tensor replaced;            // ()
  int64_t tokens = 0, predicted = 0;
};

// Without a gradient: the forward pass alone.
PretrainOutcome evaluate_batch(PretrainSession& session, const data::MaskedBatch& batch,
                               const nn::Pass& pass);

class PretrainStep {
 public:
  explicit PretrainStep(PretrainSession& session);
  ~PretrainStep();

  // The passes of a batch: adds the gradient of share * its loss. `number` counts the passes of
  // training.
  PretrainOutcome run_batch(const data::MaskedBatch& batch, uint32_t number, real share);
  // The step's update; `factor` multiplies the learning rate. The gradients are zero afterwards.
  void update(double factor);

 private:
  class Block;  // what a batch sends to the GPU
  using ClassKey = std::tuple<int64_t, int64_t, int64_t, int64_t, bool>;
  static ClassKey key_of(const data::MaskedBatch& batch);

  PretrainOutcome run_passes(const models::PretrainingInput& input, const nn::Pass& pass,
                             const Tensor& share);

  PretrainSession& session_;
  RecordedSteps<ClassKey, Block> steps_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
