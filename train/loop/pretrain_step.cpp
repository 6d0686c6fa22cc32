#include "train/loop/pretrain_step.h"

#include "autograd/graph.h"
#include "core/profile.h"
#include "train/loop/upload_block.h"

namespace soragrad::train {
namespace {

constexpr size_t kMaxSizes = 16;      // further ones are not recorded
constexpr int64_t kBatchArrays = 10;  // of a batch

using models::PretrainingInput;

PretrainOutcome outcome_of(const models::PretrainingOutput& output) {
  return {.loss = output.loss.value(),
          .mlm_loss = output.mlm_loss,
          .rtd_loss = output.rtd_loss,
          .mlm_hits = output.mlm_hits,
          .rtd_hits = output.rtd_hits,
          .replaced = output.replaced};
}

PretrainOutcome with_counts(PretrainOutcome outcome, const data::MaskedBatch& batch) {
  outcome.tokens = batch.tokens();
  outcome.predicted = batch.predicted();
  return outcome;
}

RecordedWork::Results to_results(const PretrainOutcome& outcome) {
  return {outcome.loss,     outcome.mlm_loss, outcome.rtd_loss,
          outcome.mlm_hits, outcome.rtd_hits, outcome.replaced};
}

PretrainOutcome from_results(const RecordedWork::Results& results) {
  return {.loss = results.at(0),
          .mlm_loss = results.at(1),
          .rtd_loss = results.at(2),
          .mlm_hits = results.at(3),
          .rtd_hits = results.at(4),
          .replaced = results.at(5)};
}

// Bytes of the arrays of a batch. `positions`: where its tokens are, as the model counts.
size_t bytes_of_batch(const data::MaskedBatch& batch, const models::Positions& positions) {
  const size_t wide = batch.input_ids.size() + batch.offsets.size() +
                      positions.position_ids.size() + positions.position_rows.size() +
                      batch.positions.size() + batch.labels.size() + batch.replaced.size();
  return wide * sizeof(int64_t) + positions.distance_row.size() * sizeof(int32_t) + sizeof(int32_t);
}

}  // namespace

class PretrainStep::Block {
 public:
  Block(const data::MaskedBatch& batch, models::PretrainingModel& model, Device device)
      : model_(model),
        block_(bytes_of_batch(batch, model.backbone().positions(ragged(batch))), kBatchArrays,
               device) {}

  void upload(const data::MaskedBatch& batch, uint32_t number, real share) {
    block_.clear();
    input_ =
        pretraining_input(batch, model_, [this](const auto& values) { return block_.add(values); });
    number_ = block_.add(std::vector<int32_t>{static_cast<int32_t>(number)});
    share_ = block_.add(Tensor::full({}, share));
    block_.upload();
  }
  const PretrainingInput& input() const { return input_; }
  const Tensor& share() const { return share_; }  // ()
  const uint32_t* number() const {
    return reinterpret_cast<const uint32_t*>(number_.data<int32_t>());
  }

 private:
  models::PretrainingModel& model_;
  UploadBlock block_;
  PretrainingInput input_;
  Tensor number_, share_;
};

PretrainOutcome evaluate_batch(PretrainSession& session, const data::MaskedBatch& batch,
                               const nn::Pass& pass) {
  const NoGrad no_grad;
  const profile::Span span("forward");
  const PretrainingInput input = pretraining_input(batch, *session.model, session.device);
  return with_counts(outcome_of(session.model->forward(input, pass)), batch);
}

PretrainStep::PretrainStep(PretrainSession& session)
    : session_(session),
      steps_(records_steps(session.device, session.config.cuda_graphs), kMaxSizes) {}

PretrainStep::~PretrainStep() = default;

PretrainStep::ClassKey PretrainStep::key_of(const data::MaskedBatch& batch) {
  return {batch.sequences(), batch.tokens(), models::longest_sequence(ragged(batch)),
          batch.predicted(), batch.replaced.empty()};
}

PretrainOutcome PretrainStep::run_batch(const data::MaskedBatch& batch, uint32_t number,
                                        real share) {
  nn::Pass pass{true, static_cast<uint64_t>(session_.config.seed), number};
  pass.checkpoint = session_.config.gradient_checkpointing;
  auto* recorded = steps_.passes(key_of(batch));
  if (!recorded) {
    const PretrainingInput input = pretraining_input(batch, *session_.model, session_.device);
    return with_counts(run_passes(input, pass, Tensor::full({}, share, session_.device)), batch);
  }
  if (!recorded->block) {
    recorded->block = std::make_unique<Block>(batch, *session_.model, session_.device);
  }
  Block& block = *recorded->block;
  block.upload(batch, number, share);
  pass.step_at = block.number();
  const auto passes = [&] { return to_results(run_passes(block.input(), pass, block.share())); };
  return with_counts(from_results(recorded->work.run(passes)), batch);
}

PretrainOutcome PretrainStep::run_passes(const PretrainingInput& input, const nn::Pass& pass,
                                         const Tensor& share) {
  models::PretrainingOutput output;
  {
    const profile::Span span("forward");
    output = session_.model->forward(input, pass);
  }
  PretrainOutcome outcome = outcome_of(output);
  const profile::Span span("backward");
  backward(output.loss, share);
  return outcome;
}

void PretrainStep::update(double factor) {
  session_.optimizer->prepare(factor);
  steps_.update([&]() -> RecordedWork::Results {
    session_.optimizer->update();
    session_.optimizer->zero_grad();
    return {};
  });
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
