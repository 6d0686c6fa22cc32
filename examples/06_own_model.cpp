// 06_own_model: an encoder that the library does not have, from its modules, with the weights of a
// checkpoint. It has no positions, uses one layer at every depth, as ALBERT does, and its result is
// the mean over the tokens of a sentence. Sentences are then compared by the cosine of their
// results.
//
//   $ ./06_own_model quickstart/model
//   19 parameters of the checkpoint
//   0.98  The quiet baker broke a box.
//   0.74  Nurses sleep in the station.
#include <fmt/format.h>
#include <soragrad/soragrad.h>

#include <cmath>
#include <string>
#include <vector>

using namespace soragrad;

struct SentenceEncoder : nn::Module {
  // Names are paths in the checkpoint: what is declared here is what is read from there.
  explicit SentenceEncoder(const models::ModelConfig& config)
      : depth(config.layers),
        words(this, "deberta.embeddings.word_embeddings", config.vocab_size, config.hidden_size),
        norm(this, "deberta.embeddings.LayerNorm", config.hidden_size, config.layer_norm_eps),
        layer(this, "deberta.encoder.layer.0", config,
              models::make_attention<models::DisentangledAttention>) {}

  Variable forward(const data::Batch& batch, const nn::Pass& pass) {  // -> (sentences, hidden)
    const int64_t sentences = batch.sequences(), tokens = batch.tokens();
    models::EncoderInput input;
    input.layout.offsets = Tensor::from(batch.offsets, {sentences + 1});
    input.layout.host_offsets = batch.offsets;
    input.layout.max_length = batch.max_length();

    const Tensor ids = Tensor::from(batch.input_ids, {tokens});
    Variable x = norm.forward(words.forward(ids, pass), pass);  // (tokens, hidden)
    for (int64_t i = 0; i < depth; ++i) x = layer.forward(x, /*first_only=*/false, input, pass);

    // The mean of each sentence's rows is a product with a matrix, so it has a gradient, too.
    const Tensor mean = Tensor::zeros({sentences, tokens});
    for (int64_t row = 0; row < sentences; ++row) {
      const int64_t begin = batch.offsets[row], end = batch.offsets[row + 1];
      for (int64_t token = begin; token < end; ++token) {
        mean.elements()[row * tokens + token] = real(1) / static_cast<real>(end - begin);
      }
    }
    return matmul(Variable(mean), x);
  }

  int64_t depth;
  nn::Embedding words;
  nn::LayerNorm norm;
  models::TransformerLayer layer;
};

real cosine(const Tensor& a, const Tensor& b) {
  const auto dot = [](const Tensor& x, const Tensor& y) {
    return sum(Variable(x) * Variable(y)).value().item();
  };
  return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
}

int main(int argc, char** argv) {
  try {
    require(argc == 2, "usage: 06_own_model MODEL_FOLDER");
    const std::string folder = argv[1];
    models::ModelConfig config = models::read_config(folder);
    config.c2p = config.p2c = false;  // no position terms in attention

    SentenceEncoder encoder(config);
    // Strict: a name that is missing, or that the rule does not excuse, is an error.
    const nn::StateRules rules{.ignored = [&](std::string_view name) {
      return encoder.find_parameter(std::string(name)) == nullptr;
    }};
    nn::load_state(encoder, nn::open_checkpoint(folder), rules);
    fmt::print("{} parameters of the checkpoint\n", encoder.parameters().size());

    const std::vector<std::string> sentences = {"A quiet baker broke the boxes.",
                                                "The quiet baker broke a box.",
                                                "Nurses sleep in the station."};
    const auto tokenizer = data::load_tokenizer(folder);
    std::vector<data::Encoded> encoded;
    for (const std::string& sentence : sentences) encoded.push_back(tokenizer->encode(sentence));
    const std::vector<data::Example> examples(sentences.size());  // no labels
    const data::Batch batch = data::collate(encoded, examples, std::vector<int64_t>{0, 1, 2});

    const NoGrad no_grad;
    const Tensor results = encoder.forward(batch, {}).value();
    for (int64_t other = 1; other < 3; ++other) {
      fmt::print("{:.2f}  {}\n", cosine(results.slice(0, 1), results.slice(other, other + 1)),
                 sentences[other]);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "06_own_model: {}\n", error.what());
    return 1;
  }
}

// SPDX-License-Identifier: Apache-2.0
