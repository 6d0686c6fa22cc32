// Tuner: fine-tunes a model by a method, one update at a time. It owns the order of an update,
//   rates of the schedule, the method's preparation, gradient of loss and regularizer, clipping,
//   the optimizer's update, the proximal step, the method's rank allocation, zero gradients,
// so that no loop can leave a part of it out:
//
//   sora::Tuner tuner(*model, {.method = "adalora"}, {.learning_rate = 4e-3, .total_steps = 60});
//   for (const data::Batch& batch : batches) {
//     Variable loss = cross_entropy(model->forward(batch, tuner.pass()), labels);
//     tuner.step(loss);
//   }
//   tuner.save("my-adapter");
//
// With several batches a step (gradient accumulation), backward() takes each of them:
//     for (const data::Batch& batch : step) tuner.backward(loss_of(batch, tuner.pass()), n);
//     tuner.step();
//
// `soragrad train` runs the same object; the names of settings and their defaults are its keys'.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/optim/optimizer.h"
#include "nn/optim/schedule.h"
#include "nn/pass.h"
#include "sora/adapter_file.h"
#include "sora/method.h"
#include "sora/sparsity.h"
#include "sora/unit_sum.h"

namespace soragrad::sora {

struct TunerSettings {
  double learning_rate = 8e-4;
  double weight_decay = 0.1;  // not on biases, LayerNorms and gates
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  double max_grad_norm = 0.1;                // 0: no clipping
  std::string optim = "adamw_torch";         // or adamw_hf
  std::string lr_scheduler_type = "linear";  // cosine, constant, constant_with_warmup
  double warmup_ratio = 0.06;
  int64_t warmup_steps = 0;                 // not 0: instead of warmup_ratio
  int64_t gradient_accumulation_steps = 1;  // the most forward passes that a step may have
  uint64_t seed = 42;                       // of the method's first values and of dropout
  int64_t total_steps = 0;                  // updates of the first phase; at least 1

  // Changes the optimizer's groups, e.g. for a learning rate of one's own:
  //   .edit_groups = [](auto& groups) { nn::split_off(groups, is_lora_b).learning_rate *= 16; }
  std::function<void(std::vector<nn::ParameterGroup>& groups)> edit_groups = {};
};

// A stretch of training with schedules of its own. Training has one phase; Algorithm 1 of the SoRA
// paper goes through several, each with a larger threshold of the gates.
struct Phase {
  int64_t steps = 0;
  // A Schedule of length 0, the default, gives the rate 0; make_phase() makes both.
  nn::Schedule schedule = {};       // of the learning rates
  nn::Schedule gate_schedule = {};  // of the groups with a proximal operator: SoRA's gates
  std::optional<double> xi = {};    // threshold of those groups; not set: the method's
};
// The phase whose schedules the settings describe, `steps` updates long.
Phase make_phase(const TunerSettings& settings, int64_t steps, std::optional<double> xi = {});

class Tuner {
 public:
  // Condition: the model has its weights, no adapter and no other tuner.
  // Result: the method is attached and its values are drawn from the seed. The optimizer takes the
  // parameters over at the first pass(); until then they may be replaced or frozen.
  // Duty of the caller: the model outlives the tuner.
  // Throws naming the key for wrong settings.
  Tuner(nn::Module& model, MethodConfig method, const TunerSettings& settings);
  // The same with a method of one's own.
  template <std::derived_from<Method> M>
  Tuner(nn::Module& model, std::unique_ptr<M> method, TunerSettings settings)
      : Tuner(OwnMethod{}, model, std::move(method), std::move(settings)) {}
  ~Tuner();
  Tuner(const Tuner&) = delete;
  Tuner& operator=(const Tuner&) = delete;

  // -- One step. Each call throws if the one before it is missing, if the phase is over, and if the
  // model was destroyed, or its adapter or trainable parameters were exchanged.

  // The next forward pass in training, with dropout masks of its own. At most
  // gradient_accumulation_steps a step. Take one for each forward(): a pass that is used twice
  // would repeat its masks, and the second backward() refuses it.
  nn::Pass pass();
  // Adds the gradient of loss / parts; a step needs `parts` such losses, each a mean over its rows.
  // Condition: pass() was called since the last backward().
  void backward(const Variable& loss, int64_t parts = 1);
  // Several processes (core/communicator.h): process r of n takes the losses number r, r + n, ...
  // of a step, one a round. In a last round that has fewer losses than processes, the others call
  // this instead of pass() and backward(). Collective, as backward() is then.
  void no_loss(int64_t parts);
  // Updates. Condition: backward() was called as often as its `parts` say. On a GPU the host does
  // not wait.
  void step();
  void step(const Variable& loss) {
    backward(loss);
    step();
  }
  // Forgets the passes and gradients of a step that an exception has ended, so that the next pass()
  // begins it anew, with the same dropout masks. Of several processes, all call it.
  void abandon_step();

  // -- After a step
  int64_t steps() const { return steps_; }        // updates done
  double learning_rate() const { return rate_; }  // that the last update used
  const Tensor& grad_norm();                      // F64 (): of the last update, before clipping
  const Tensor& regularizer() { return regularizer_; }  // (): its last value; undefined if none
  Method& method() { return *method_; }                 // sparsity, ranks, counts, report
  // How far the thresholds of all updates reach into the gates; nothing if there are no gates.
  std::optional<GateReach> gate_reach();
  nn::Optimizer& optimizer();  // its buffers and groups

  // -- Phases
  const Phase& phase() const { return phase_; }
  int64_t phase_steps() const { return phase_steps_; }  // updates done in this phase
  bool phase_done() const { return phase_steps_ >= phase_.steps; }
  // Goes on with other schedules and another threshold; Adam's moments and counts stay. Condition:
  // no step is half done. The phase before may end early.
  void begin_phase(const Phase& phase);
  void begin_phase(int64_t steps, double xi) { begin_phase(make_phase(settings_, steps, xi)); }

  // -- Files
  // Writes the adapter in the format of `soragrad train`: `soragrad eval --adapter` and
  // sora::load_adapter() read it, sora::export_peft() exports it. Not after a half done step.
  void save(const std::filesystem::path& folder, const AdapterInfo& info = {});
  // Replaces the drawn values by those of an adapter of the same method and shape. Condition: no
  // pass() was taken.
  void load(const std::filesystem::path& folder);
  // All that an exact resume needs: save_state() between steps; load_state() into a tuner with
  // equal model and settings goes on with the same bits.
  void save_state(const std::filesystem::path& folder);
  void load_state(const std::filesystem::path& folder);

  // -- For callers that record a step's work and replay it (train/loop/train_step.h). Both count
  // and check as above; the work itself is done by the caller's function.
  using Work = std::function<Tensor()>;
  // passes(): forward pass and gradient of loss / parts, in any way. -> what it returns.
  Tensor backward(int64_t parts, const Work& passes);
  // run(update): does what update() does, or replays a recording of it. update() is the same device
  // work in every step. -> the regularizer, (), or undefined.
  Tensor step(const std::function<Tensor(const Work& update)>& run);
  // For a resume: tensors to save and to overwrite by copy_from(), and the place in training.
  std::vector<std::pair<std::string, Tensor>> state();
  void resume_at(int64_t steps, const Phase& phase, int64_t phase_steps,
                 ThresholdSum thresholds = {});
  ThresholdSum thresholds() const { return thresholds_; }

 private:
  struct OwnMethod {};
  Tuner(OwnMethod, nn::Module& model, std::unique_ptr<Method> method, TunerSettings settings);

  void require_model() const;
  void require_unchanged();
  void require_between_steps(const char* call) const;
  void add_unit(int64_t parts);  // after a round of the processes' passes
  std::vector<nn::GroupStep> group_steps() const;
  void add_threshold(const std::vector<nn::GroupStep>& steps);
  Tensor update();

  nn::Module& model_;
  std::weak_ptr<nn::Module::Token> model_token_;
  TunerSettings settings_;
  std::unique_ptr<Method> method_;
  std::unique_ptr<nn::Optimizer> optimizer_;   // made by the first use
  std::vector<const nn::Parameter*> trained_;  // in the model's order
  Phase phase_;
  int64_t steps_ = 0, phase_steps_ = 0, total_steps_ = 0;
  int64_t passes_ = 0;         // of the step in hand
  bool pass_is_open_ = false;  // a pass waits for its backward()
  int64_t parts_ = 0;          // of the step in hand
  int64_t rounds_done_ = 0;    // a round: one part of each process
  UnitSum units_;
  double rate_ = 0;
  ThresholdSum thresholds_;
  Tensor regularizer_;
  Tensor one_;  // ()
};

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
