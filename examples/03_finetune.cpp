// 03_finetune: own sentences, fine-tuned by any method, evaluated, saved, loaded and exported.
//   03_finetune MODEL_FOLDER [METHOD]    sora (default) lora adalora houlsby pfeiffer bitfit full
//
//   $ ./03_finetune quickstart/model adalora
//   adalora: 44490 parameters train
//   step 50: loss 0.7, kept rank 50
//   step 100: loss 0.3, kept rank 39
//   step 150: loss 0.0, kept rank 36
//   step 200: loss 0.0, kept rank 36
//   right: 16 of 16 new sentences
//   loaded: the same
//   exported for peft
#include <fmt/format.h>
#include <soragrad/soragrad.h>

#include <exception>
#include <filesystem>
#include <string>
#include <vector>

using namespace soragrad;

// Sentences with their labels and, beside them, their token ids.
struct Rows {
  std::vector<data::Example> examples;
  std::vector<data::Encoded> encoded;

  void add(const data::Tokenizer& tokenizer, const std::string& text, int64_t label) {
    examples.push_back({.text_a = text, .label = label});
    encoded.push_back(tokenizer.encode(text));
  }
};

// Label 1 where verb and subject agree, label 0 where they do not.
Rows make_rows(const data::Tokenizer& tokenizer, const std::vector<std::string>& nouns) {
  Rows rows;
  for (const std::string& noun : nouns) {
    for (const std::string verb : {"sleep", "dance", "steal", "listen"}) {
      rows.add(tokenizer, "A " + noun + " " + verb + "s.", 1);
      rows.add(tokenizer, "A " + noun + " " + verb + ".", 0);
    }
  }
  return rows;
}

// The likeliest class of each row.
std::vector<int64_t> predict(models::SequenceClassifier& model, const Rows& rows) {
  const NoGrad no_grad;
  std::vector<int64_t> classes;
  for (const data::Batch& batch :
       data::batches(rows.encoded, rows.examples, {.size = 16, .shuffle = false})) {
    const std::vector<real> logits = model.forward(batch, {}).value().to_vector();  // (rows, 2)
    for (size_t i = 0; i < logits.size(); i += 2) classes.push_back(logits[i + 1] > logits[i]);
  }
  return classes;
}

int right(const std::vector<int64_t>& classes, const Rows& rows) {
  int count = 0;
  for (size_t i = 0; i < classes.size(); ++i) count += classes[i] == rows.examples[i].label;
  return count;
}

void run(const std::string& folder, const std::string& method) {
  const auto tokenizer = data::load_tokenizer(folder);
  const Rows train = make_rows(*tokenizer, {"baker", "nurse", "singer", "king", "farmer"});
  const Rows test = make_rows(*tokenizer, {"doctor", "teacher"});

  const models::LoadedModel loaded = models::load_model(folder, {.num_labels = 2, .seed = 1});
  models::SequenceClassifier& model = *loaded.model;
  const auto batches = data::batches(train.encoded, train.examples, {.size = 8, .epochs = 40});
  sora::Tuner tuner(model, {.method = method, .r = 4, .init_r = 4, .target_r = 2, .tfinal = 10},
                    {.learning_rate = 4e-3,
                     .weight_decay = 0.01,
                     .max_grad_norm = 1,
                     .total_steps = static_cast<int64_t>(batches.size())});
  fmt::print("{}: {} parameters train\n", method, tuner.method().counts().trainable);
  for (const data::Batch& batch : batches) {
    const Tensor labels = Tensor::from(batch.labels, {batch.sequences()});
    const Variable loss = cross_entropy(model.forward(batch, tuner.pass()), labels);
    tuner.step(loss);  // loss and regularizer back, clip, update, proximal step, ranks, zero
    if (tuner.steps() % 50 != 0) continue;
    int64_t kept = 0;
    for (const sora::ModuleRank& rank : tuner.method().ranks()) kept += rank.kept;
    fmt::print("step {}: loss {:.1f}, kept rank {}\n", tuner.steps(), loss.value().item(), kept);
  }
  const std::vector<int64_t> classes = predict(model, test);
  fmt::print("right: {} of {} new sentences\n", right(classes, test), classes.size());

  // The adapter alone is saved; `soragrad eval --model ... --adapter ...` reads it, too.
  const std::filesystem::path saved = std::filesystem::temp_directory_path() / "03_finetune";
  tuner.save(saved / "adapter", {.base_model = folder, .num_labels = 2});
  const models::LoadedModel fresh = models::load_model(folder, {.num_labels = 2, .seed = 1});
  const auto attached = sora::load_adapter(saved / "adapter", *fresh.model);
  fmt::print("loaded: {}\n", predict(*fresh.model, test) == classes ? "the same" : "others");

  const std::string_view name = attached->name();
  if (name == "sora" || name == "lora" || name == "adalora") {
    sora::export_peft(saved / "peft", *fresh.model, {.base_model = folder, .num_labels = 2});
    fmt::print("exported for peft\n");
  }
}

int main(int argc, char** argv) {
  try {
    require(argc == 2 || argc == 3, "usage: 03_finetune MODEL_FOLDER [METHOD]");
    run(argv[1], argc == 3 ? argv[2] : "sora");
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "03_finetune: {}\n", error.what());
    return 1;
  }
}

// SPDX-License-Identifier: Apache-2.0
