// Backbones: hidden states of all tokens agree with what the classifier reads, idle tokens change
// nothing, and word embeddings may be given. Batches that do not fit are refused.
#include "models/backbone.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "autograd/graph.h"
#include "autograd/ops.h"
#include "models/family.h"
#include "models/load.h"
#include "nn/init.h"
#include "tests/files.h"

namespace soragrad::models {
namespace {

using test::contains;
using test::message_of;

const char* const kGoldens[] = {"deberta_buckets", "deberta_no_buckets", "roberta", "bert"};

struct Batch {
  std::vector<int64_t> input_ids = {2, 7, 5, 3, 2, 9, 3, 2, 11, 4, 6, 3};
  std::vector<int64_t> token_type_ids = std::vector<int64_t>(12, 0);
  std::vector<int64_t> offsets = {0, 4, 7, 12};
};

LoadedModel load(const std::string& golden) {
  return load_model(std::string(SORAGRAD_SOURCE_DIR "/tests/golden/models/") + golden);
}

std::vector<real> values(const Variable& x) {
  return x.value().to_vector();
}

}  // namespace

TEST_CASE("backbone: one hidden state a token; the first of each sequence are the head's input") {
  const NoGrad no_grad;
  for (const char* golden : kGoldens) {
    CAPTURE(golden);
    const LoadedModel loaded = load(golden);
    Backbone& backbone = loaded.model->backbone();
    const Batch batch;
    const Input input = upload(batch, backbone.positions(batch), Device::cpu);
    const Variable all = backbone.forward(input, {});
    CHECK(all.shape() == Shape{12, backbone.config().hidden_size});
    const Variable first = backbone.forward_first(input, {});
    const std::vector<real> expected = values(select_rows(all, input.first_tokens));
    const std::vector<real> actual = values(first);
    REQUIRE(actual.size() == expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(1e-5));  // GEMMs of other sizes
    }
    CHECK(values(loaded.model->forward(batch, {})) == values(loaded.model->forward(input, {})));
  }
}

TEST_CASE("backbone: idle tokens do not change the others") {
  const NoGrad no_grad;
  for (const char* golden : kGoldens) {
    CAPTURE(golden);
    const LoadedModel loaded = load(golden);
    Backbone& backbone = loaded.model->backbone();
    const Batch batch;
    const Positions filled = backbone.positions(batch, {.tokens = 20, .max_length = 6});
    CHECK(filled.tokens == 20);
    const Input input = upload(batch, filled, Device::cpu);
    CHECK(input.layout.idle_tokens == 8);
    const std::vector<real> expected =
        values(backbone.forward(upload(batch, backbone.positions(batch), Device::cpu), {}));
    const std::vector<real> actual = values(backbone.forward(input, {}));
    for (size_t i = 0; i < expected.size(); ++i) {
      CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(1e-5));  // GEMMs of other sizes
    }
  }
}

TEST_CASE("backbone: word embeddings may come from a table outside") {
  const NoGrad no_grad;
  for (const char* golden : kGoldens) {
    CAPTURE(golden);
    const LoadedModel loaded = load(golden);
    Backbone& own = loaded.model->backbone();
    const ModelConfig& config = own.config();
    nn::Module root;
    const auto given = config.family->make_backbone(&root, config, {.word_table = false});
    for (nn::Parameter* parameter : root.parameters()) {
      parameter->assign(loaded.model->find_parameter(parameter->path())->value());
    }
    CHECK(root.parameters().size() + 1 == own.parameters().size());
    CHECK_THROWS_AS(given->word_embeddings(), Error);
    const Batch batch;
    const Input input = upload(batch, given->positions(batch), Device::cpu);
    const Variable words = own.word_embeddings().forward(input.input_ids, {});
    CHECK(values(given->forward(input, words, {})) == values(own.forward(input, {})));
  }
}

TEST_CASE("backbone: checkpointed layers give every gradient's bits, dropout included") {
  for (const char* golden : kGoldens) {
    CAPTURE(golden);
    const auto gradients = [&](bool checkpointed) {
      const LoadedModel loaded =
          load_model(std::string(SORAGRAD_SOURCE_DIR "/tests/golden/models/") + golden,
                     {.hidden_dropout_prob = 0.2, .attention_probs_dropout_prob = 0.2});
      loaded.model->for_each_parameter(
          [](nn::Parameter& parameter) { parameter.set_requires_grad(true); });
      nn::Pass pass{.training = true, .seed = 5, .step = 3};
      pass.checkpoint = checkpointed;
      const Variable logits = loaded.model->forward(Batch(), pass);
      backward(sum(mul(logits, logits)));
      std::vector<real> numbers = values(logits);
      for (const nn::Parameter* parameter : loaded.model->parameters()) {
        const std::vector<real> grad = parameter->grad().to_vector();
        numbers.insert(numbers.end(), grad.begin(), grad.end());
      }
      return numbers;
    };
    CHECK(gradients(true) == gradients(false));
  }
}

TEST_CASE("backbone: what does not fit is refused in words") {
  const LoadedModel loaded = load("bert");
  const Backbone& backbone = loaded.model->backbone();
  const auto refusal = [&](const Batch& batch, const InputSizes& sizes = {}) {
    return message_of([&] { backbone.positions(batch, sizes); });
  };
  CHECK(refusal({}) == "");
  Batch batch;
  batch.input_ids[3] = 1 << 20;
  CHECK(contains(refusal(batch), "id 1048576 is not in the vocabulary"));
  batch = {};
  batch.token_type_ids[2] = 2;
  CHECK(contains(refusal(batch), "token type 2; the model knows 2 types"));
  batch = {};
  batch.offsets = {0, 4, 4, 12};
  CHECK(contains(refusal(batch), "sequence 1 has 0 tokens"));
  batch.offsets = {0, 4, 11};
  CHECK(contains(refusal(batch), "offsets do not delimit 12 tokens"));
  batch = {};
  batch.token_type_ids.pop_back();
  CHECK(contains(refusal(batch), "11 token types for 12 tokens"));
  CHECK(contains(refusal({}, {.tokens = 8}), "12 tokens do not fit a batch of 8"));
  CHECK(contains(refusal({}, {.max_length = 4}), "5 tokens does not fit a batch of up to 4"));
  Batch longer;
  longer.input_ids.assign(static_cast<size_t>(backbone.max_positions()) + 1, 5);
  longer.token_type_ids.clear();
  longer.offsets = {0, backbone.max_positions() + 1};
  CHECK(contains(refusal(longer), "the model's position table holds"));
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
