// 04_own_method: DoRA (Liu et al., ICML 2024, arXiv 2402.09353) without touching the library. A
// frozen weight W becomes m * (W + s B A) / ||W + s B A||, the norm taken of each row: its
// direction changes by a low-rank product, its length m is trained by itself. The norm gets no
// gradient, as in section 4.3 of the paper and in peft.
//
//   $ ./04_own_method quickstart/model
//   step 20: loss 0.6
//   step 40: loss 0.0
//   step 60: loss 0.0
//   loaded: the same loss
#include <fmt/format.h>
#include <soragrad/soragrad.h>

#include <cmath>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace soragrad;

// What is attached to a Linear: it gets the input x and the output y = x W^T + bias.
class DoraDelta : public nn::Linear::Delta {
 public:
  DoraDelta(nn::Linear& linear, int64_t rank, uint64_t seed)
      : linear_(linear),
        a(&linear, "lora_A.weight", {rank, linear.in()}),
        b(&linear, "lora_B.weight", {linear.out(), rank}),
        magnitude(&linear, "lora_magnitude_vector.weight", {1, linear.out()}) {
    for (nn::Parameter* each : {&a, &b, &magnitude}) each->set_requires_grad(true);
    a.assign(nn::uniform(a.declared_shape(), 1 / std::sqrt(linear.in()), seed, a.path()));
    b.assign(Tensor::zeros(b.declared_shape()));
    magnitude.assign(Tensor::from(row_norms(), magnitude.declared_shape()));  // y is unchanged
  }

  Variable forward(const Variable& x, Variable y, const nn::Pass&) override {
    const Shape row{1, linear_.out()};
    const Variable ones(Tensor::full({y.size(0), 1}, 1));  // times a row: the row repeated
    const Variable bias = matmul(ones, Variable(linear_.bias.value().view(row)));
    const Variable change = matmul(matmul(x, a, false, true), b, false, true);  // x (B A)^T
    std::vector<real> inverse = row_norms();
    for (real& norm : inverse) norm = 1 / norm;
    const Variable length = magnitude * Variable(Tensor::from(inverse, row));
    return matmul(ones, length) * (y - bias + kScale * change) + bias;
  }

 private:
  static constexpr real kScale = 2;  // s = lora_alpha / r
  // ||W + s B A|| of each row, without gradient.
  std::vector<real> row_norms() const {
    const NoGrad no_grad;
    const Variable sum = linear_.weight + kScale * matmul(b, a),
                   ones(Tensor::full({sum.size(1), 1}, 1));
    std::vector<real> norms = matmul(sum * sum, ones).value().to_vector();
    for (real& norm : norms) norm = std::sqrt(norm);
    return norms;
  }
  nn::Linear& linear_;
  nn::Parameter a, b, magnitude;
};

// The method: where deltas are attached. BaseMethod freezes the model and lets the head train.
struct Dora : sora::BaseMethod {
  Dora() : BaseMethod({.method = "dora", .r = 4}) {}
  void attach_to(nn::Module& model, std::optional<uint64_t> seed) override {
    for (nn::Linear* linear : sora::find_targets(model, {"query_proj", "value_proj"})) {
      auto delta = std::make_unique<DoraDelta>(*linear, config_.r, seed.value_or(0));
      sora::attach_delta(*linear, std::move(delta));
    }
  }
};

Variable loss_of(auto& model, const data::Batch& batch, const nn::Pass& pass) {
  return cross_entropy(model.forward(batch, pass), Tensor::from(batch.labels, {batch.sequences()}));
}

void run(const std::string& folder) {
  const models::LoadOptions options{.num_labels = 2, .seed = 1};
  const models::LoadedModel loaded = models::load_model(folder, options);
  const auto tokenizer = data::load_tokenizer(folder);
  std::vector<data::Example> rows;
  std::vector<data::Encoded> encoded;
  for (const std::string noun : {"baker", "nurse", "singer", "king", "farmer", "doctor"}) {
    for (const int64_t label : {0, 1}) {
      rows.push_back({.text_a = "A " + noun + (label ? " sleeps." : " sleep."), .label = label});
      encoded.push_back(tokenizer->encode(rows.back().text_a));
    }
  }
  sora::Tuner tuner(*loaded.model, std::make_unique<Dora>(),
                    {.learning_rate = 4e-3, .max_grad_norm = 1, .total_steps = 60});
  for (const data::Batch& batch : data::batches(encoded, rows, {.size = 4, .epochs = 20})) {
    const Variable loss = loss_of(*loaded.model, batch, tuner.pass());
    tuner.step(loss);
    if (tuner.steps() % 20) continue;
    fmt::print("step {}: loss {:.1f}\n", tuner.steps(), loss.value().item());
  }

  const std::filesystem::path saved = std::filesystem::temp_directory_path() / "04_own_method";
  tuner.save(saved);
  const models::LoadedModel fresh = models::load_model(folder, options);
  sora::Tuner again(*fresh.model, std::make_unique<Dora>(), {.total_steps = 1});
  again.load(saved);
  const NoGrad no_grad;
  const data::Batch all = *data::batches(encoded, rows, {.size = 12}).begin();
  const Variable before = loss_of(*loaded.model, all, {}), after = loss_of(*fresh.model, all, {});
  fmt::print("loaded: {} loss\n", count(before == after) ? "the same" : "another");
}

int main(int argc, char** argv) {
  try {
    require(argc == 2, "usage: 04_own_method MODEL_FOLDER");
    run(argv[1]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "04_own_method: {}\n", error.what());
    return 1;
  }
}
// SPDX-License-Identifier: Apache-2.0
