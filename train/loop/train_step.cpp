#include "train/loop/train_step.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "autograd/graph.h"
#include "core/integer_math.h"
#include "core/profile.h"
#include "train/loop/task_loss.h"

namespace soragrad::train {
namespace {

constexpr int64_t kLeastStep = 32;   // a tile of attention's queries
constexpr size_t kMaxClasses = 128;  // further ones are not recorded

// The next multiple of a power of two that is 1/steps of the size's own, or of kLeastStep.
int64_t size_of_class(int64_t size, int64_t steps) {
  const auto power = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(size)));
  return round_up(size, std::max(power / steps, kLeastStep));
}

}  // namespace

models::InputSizes graph_sizes(int64_t tokens, int64_t longest) {
  return {.tokens = size_of_class(tokens, 8), .max_length = size_of_class(longest, 4)};
}

TrainStep::TrainStep(Session& session)
    : session_(session),
      rounds_(session.device == Device::cuda && session.config.cuda_graphs),
      classes_of_task_(class_map(*session.model, *session.train.dataset.task)),
      steps_(records_steps(session.device, session.config.cuda_graphs), kMaxClasses) {}

Tensor TrainStep::run_batch(const data::Batch& batch, int64_t parts) {
  const models::InputSizes sizes =
      rounds_ ? graph_sizes(batch.tokens(), batch.max_length()) : models::InputSizes{};
  const models::Positions positions = session_.model->positions(batch, sizes);
  const Answers host_answers =
      answers(batch, *session_.train.dataset.task, classes_of_task_, session_.loss);
  const real share = real{1} / static_cast<real>(parts);
  nn::Pass pass = session_.tuner->pass();
  pass.checkpoint = session_.config.gradient_checkpointing;
  auto* recorded = steps_.passes({batch.sequences(), sizes.tokens, sizes.max_length});
  if (!recorded) {
    return session_.tuner->backward(parts, [&] {
      const Device device = session_.device;
      return run_passes(models::upload(batch, positions, device), host_answers.to(device),
                        Tensor::full({}, share, device), pass);
    });
  }
  const models::RaggedBatch tokens(batch);
  const HostPass host{tokens, positions, host_answers, pass.step, share};
  if (!recorded->block) recorded->block = std::make_unique<InputBlock>(host, session_.device);
  const InputBlock& block = *recorded->block;
  recorded->block->upload(host);
  return session_.tuner->backward(parts, [&] {
    const auto passes = [&]() -> RecordedWork::Results {
      nn::Pass of_block = pass;
      of_block.step_at = block.pass();
      return {run_passes(block.input(), block.answers(), block.share(), of_block)};
    };
    return recorded->work.run(passes).front();
  });
}

Tensor TrainStep::run_passes(const models::Input& input, const Answers& answers,
                             const Tensor& share, const nn::Pass& pass) {
  Variable loss;
  {
    const profile::Span span("forward");
    loss = task_loss(session_.model->forward(input, pass), answers);
  }
  const profile::Span span("backward");
  backward(loss, share);
  return loss.value();
}

Tensor TrainStep::update() {
  return session_.tuner->step([&](const sora::Tuner::Work& work) {
    return steps_.update([&] { return RecordedWork::Results{work()}; }).front();
  });
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
