// A trainer of one's own on the installed library: own sentences, own loop, SoRA attached to a
// model.
//   standalone MODEL_DIR
#include <fmt/format.h>

#include <exception>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "data/batch.h"
#include "data/tokenizer/tokenizer.h"
#include "models/load.h"
#include "nn/optim/optimizer.h"
#include "nn/optim/schedule.h"
#include "sora/method.h"

using namespace soragrad;

// Two kinds of sentences: agreement of subject and verb, and its violation.
std::vector<data::Example> make_examples() {
  std::vector<data::Example> examples;
  for (const std::string noun : {"baker", "nurse", "singer", "king", "farmer", "doctor"}) {
    for (const std::string verb : {"sleep", "vanish", "dance", "steal"}) {
      const bool es = verb == "vanish";
      examples.push_back({.text_a = "A " + noun + " " + verb + (es ? "es." : "s."), .label = 1});
      examples.push_back({.text_a = "A " + noun + " " + verb + ".", .label = 0});
    }
  }
  return examples;
}

// Mean loss of rows as one ragged batch; `correct` counts the right answers among them.
Variable loss_of(models::SequenceClassifier& model, const data::Batch& batch, const nn::Pass& pass,
                 int64_t& correct) {
  const Variable logits = model.forward(batch, pass);  // (rows, 2)
  const real* values = logits.value().data();
  for (size_t row = 0; row < batch.labels.size(); ++row) {
    correct += (values[2 * row + 1] > values[2 * row]) == (batch.labels[row] == 1);
  }
  const Shape shape{batch.sequences()};
  return cross_entropy(logits, Tensor::from(batch.labels, shape));
}

int run(const std::string& folder) {
  constexpr int64_t kSteps = 60, kBatch = 8;
  const models::LoadedModel loaded = models::load_model(folder, {.num_labels = 2, .seed = 1});
  models::SequenceClassifier& model = *loaded.model;

  const sora::MethodConfig config{.method = "sora", .r = 4, .xi = 0.3};
  const auto method = sora::make_method(config);
  method->attach(model, /*seed=*/1);
  nn::OptimizerConfig settings{.weight_decay = 0.01, .max_grad_norm = 1};
  sora::configure_gates(config, settings);
  nn::Optimizer optimizer(settings, sora::optimized_parameters(model, *method));
  const nn::Schedule schedule{.type = nn::ScheduleType::linear, .warmup = 4, .steps = kSteps};

  const auto tokenizer = data::load_tokenizer(folder);
  const std::vector<data::Example> examples = make_examples();
  std::vector<data::Encoded> encoded;
  for (const data::Example& example : examples)
    encoded.push_back(tokenizer->encode(example.text_a));

  for (int64_t step = 0; step < kSteps; ++step) {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < kBatch; ++i) {
      rows.push_back((step * kBatch + i) % static_cast<int64_t>(examples.size()));
    }
    const nn::Pass pass{.training = true, .seed = 1, .step = static_cast<uint32_t>(step)};
    int64_t correct = 0;
    optimizer.zero_grad();
    const Variable loss = loss_of(model, data::collate(encoded, examples, rows), pass, correct);
    backward(loss);
    const double rate = 4e-3 * schedule.factor(step);
    optimizer.step({.rate = rate, .gate_rate = rate, .xi = config.xi});
    if (step % 10 == 9) {
      fmt::print("step {:3}  loss {:.4f}  right {}/{}  gates at zero {:.0f}%\n", step + 1,
                 loss.value().item(), correct, kBatch, 100 * method->sparsity().share());
    }
  }
  return 0;
}

int main(int argc, char** argv) {
  try {
    require(argc == 2, "usage: standalone MODEL_DIR");
    return run(argv[1]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "standalone: {}\n", error.what());
    return 1;
  }
}
