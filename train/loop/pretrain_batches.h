// Where pre-training takes its batches from: a corpus, masked anew at every step, or a file of
// another program's batches.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/corpus/corpus.h"
#include "data/masks.h"
#include "models/pretraining.h"
#include "nn/checkpoint/checkpoint.h"
#include "sora/tensor_file.h"
#include "train/config/config.h"
#include "train/run/note.h"

namespace soragrad::train {

class PretrainBatches {
 public:
  virtual ~PretrainBatches() = default;

  // The batches of a step, counted from 0. Steps are asked for in their order; a step that was not
  // finished may be asked for again.
  virtual std::vector<data::MaskedBatch> step(int64_t step) = 0;
  virtual int64_t steps() const { return 0; }  // that there are; 0: without end
  // Lines that are new since the last call.
  virtual std::vector<std::string> warnings() { return {}; }
  // What was read so far; null for batches of a file.
  virtual const data::CorpusCounts* counts() const { return nullptr; }
  // For an exact resume with step `next`: the one after the step that was asked for last, or that
  // one once more.
  virtual sora::NamedTensors state(int64_t /*next*/) const { return {}; }
  virtual void restore(const nn::Checkpoint& /*checkpoint*/, int64_t /*next*/) {}
};

// The run's masks: mask_replace and random_replace by objective where they are not given.
data::MaskRule mask_rule(const PretrainKeys& keys, bool detects);

// Of `corpus`.
std::unique_ptr<PretrainBatches> corpus_batches(const Config& config,
                                                const data::Tokenizer& tokenizer,
                                                const models::PretrainingModel& model);
// Of `batches`: N.input_ids, N.offsets, N.labels and, for rtd, N.replaced for step N from 1 on.
std::unique_ptr<PretrainBatches> replayed_batches(const std::string& path,
                                                  models::PretrainingModel& model);

constexpr int64_t kMaxValidationSequences = 4096;

// The first kMaxValidationSequences sequences of `validation_corpus`, with masks that stay the same
// in every validation. Says so to `note` if there are more.
std::vector<data::MaskedBatch> validation_batches(const Config& config, const Note& note,
                                                  const data::Tokenizer& tokenizer,
                                                  const models::PretrainingModel& model);

inline models::RaggedBatch ragged(const data::MaskedBatch& batch) {
  return {batch.input_ids, {}, batch.offsets};
}

// The batch as the model reads it, in memory of the caller's choice: `place` makes a Tensor of a
// vector (models::upload). Throws where the model cannot take it.
template <typename Place>
models::PretrainingInput pretraining_input(const data::MaskedBatch& batch,
                                           models::PretrainingModel& model, const Place& place) {
  models::PretrainingInput input;
  input.input = models::upload(ragged(batch), model.backbone().positions(ragged(batch)), place);
  input.positions = place(batch.positions);
  input.labels = place(batch.labels);
  if (!batch.replaced.empty()) input.samples = place(batch.replaced);
  return input;
}
// The same in memory of its own.
models::PretrainingInput pretraining_input(const data::MaskedBatch& batch,
                                           models::PretrainingModel& model, Device device);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
