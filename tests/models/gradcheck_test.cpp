// Gradients of a whole step of pre-training against differences, for each sharing of the
// embeddings. Compiled with real = double only (test_gradcheck).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "autograd/graph.h"
#include "models/load_pretraining.h"
#include "tests/files.h"

namespace soragrad::models {
namespace {

constexpr double kStep = 1e-5, kTolerance = 1e-8;
constexpr uint64_t kPass = 0;

struct Losses {
  double mlm = 0, rtd = 0;  // rtd with its factor
};

// Which of the two losses trains a parameter: what lies in the generator is trained by the language
// model alone, all else by detection alone, and the one table of `es` by both.
double loss_of(const nn::Parameter& parameter, EmbeddingSharing sharing, const Losses& losses) {
  const std::string path = parameter.path();
  const bool is_shared_table =
      sharing == EmbeddingSharing::es && path == "deberta.embeddings.word_embeddings.weight";
  if (is_shared_table) return losses.mlm + losses.rtd;
  return path.starts_with("generator.") ? losses.mlm : losses.rtd;
}

std::unique_ptr<PretrainingModel> small_model(const test::TemporaryFolder& folder,
                                              EmbeddingSharing sharing, double rtd_lambda) {
  folder.write("config.json", R"({"model_type": "deberta-v2", "vocab_size": 20, "hidden_size": 8,
    "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12,
    "max_position_embeddings": 32, "type_vocab_size": 0, "relative_attention": true,
    "share_att_key": true, "position_buckets": 4, "max_relative_positions": -1,
    "pos_att_type": ["c2p", "p2c"], "position_biased_input": false, "norm_rel_ebd": "layer_norm",
    "initializer_range": 0.3})");
  PretrainingLoadOptions options;
  options.model = {.objective = Objective::rtd, .sharing = sharing, .rtd_lambda = rtd_lambda};
  options.hidden_dropout_prob = options.attention_probs_dropout_prob = 0;
  return load_pretraining(folder / ".", options).model;
}

// Two sequences of 5 and 4 tokens, two of them predicted. The generator's samples are given, since
// a drawn sample has no derivative: the first is the text's own token, the second another.
PretrainingInput two_sequences(PretrainingModel& model) {
  const std::vector<int64_t> ids{1, 7, 5, 9, 2, 1, 8, 3, 2}, offsets{0, 5, 9};
  const RaggedBatch batch(ids, {}, offsets);
  PretrainingInput input;
  input.input = upload(batch, model.backbone().positions(batch), Device::cpu);
  input.positions = Tensor::from<int64_t>({2, 7}, {2});
  input.labels = Tensor::from<int64_t>({6, 4}, {2});
  input.samples = Tensor::from<int64_t>({6, 11}, {2});
  return input;
}

}  // namespace

TEST_CASE("gradcheck: each sharing of embeddings trains a parameter by the losses it is to") {
  constexpr double kLambda = 3;
  for (const auto sharing : {EmbeddingSharing::es, EmbeddingSharing::nes, EmbeddingSharing::gdes}) {
    CAPTURE(static_cast<int>(sharing));
    const test::TemporaryFolder folder;
    const auto model = small_model(folder, sharing, kLambda);
    const PretrainingInput input = two_sequences(*model);
    const auto losses = [&] {
      const PretrainingOutput output = model->forward(input, {true, 3, kPass});
      return Losses{output.mlm_loss.item(), kLambda * output.rtd_loss.item()};
    };
    backward(model->forward(input, {true, 3, kPass}).loss);
    int64_t derivatives = 0;
    for (nn::Parameter* parameter : model->parameters()) {
      CAPTURE(parameter->path());
      REQUIRE(parameter->grad().defined());
      real* values = parameter->value().data();
      const real* gradient = parameter->grad().data();
      const int64_t count = parameter->value().numel();
      const int64_t stride = std::max<int64_t>(1, count / 7);
      for (int64_t i = 0; i < count; i += stride) {
        const real value = values[i];
        values[i] = value + kStep;
        const double above = loss_of(*parameter, sharing, losses());
        values[i] = value - kStep;
        const double below = loss_of(*parameter, sharing, losses());
        values[i] = value;
        const double difference = (above - below) / (2 * kStep);
        CAPTURE(i);
        CHECK(std::abs(difference - gradient[i]) <
              kTolerance * std::max(1.0, std::abs(difference)));
        ++derivatives;
      }
    }
    CHECK(derivatives > 300);
  }
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
