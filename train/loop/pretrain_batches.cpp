#include "train/loop/pretrain_batches.h"

#include <limits>
#include <utility>

#include "core/error.h"

namespace soragrad::train {

namespace {

constexpr int64_t kMaxValidationSequences = 4096;
constexpr uint32_t kValidationStep = std::numeric_limits<uint32_t>::max();  // of the masks' stream

data::CorpusOptions corpus_options(const Config& config) {
  return {.files = config.pretrain.corpus,
          .key = "corpus",
          .max_length = config.max_seq_length,
          .shuffle = config.shuffle,
          .repeat = true,
          .seed = static_cast<uint64_t>(config.seed)};
}

data::Masker masker_of(const Config& config, const data::Tokenizer& tokenizer,
                       const models::PretrainingModel& model) {
  return {tokenizer, model.config().vocab_size, mask_rule(config.pretrain, model.detects()),
          static_cast<uint64_t>(config.seed)};
}

class CorpusBatches : public PretrainBatches {
 public:
  CorpusBatches(const Config& config, const data::Tokenizer& tokenizer,
                const models::PretrainingModel& model)
      : config_(config),
        corpus_(tokenizer, corpus_options(config)),
        masker_(masker_of(config, tokenizer, model)) {}

  std::vector<data::MaskedBatch> step(int64_t step) override {
    take(step);
    std::vector<data::MaskedBatch> batches(
        static_cast<size_t>(config_.gradient_accumulation_steps));
    int64_t row = 0;
    for (data::MaskedBatch& batch : batches) {
      for (int64_t i = 0; i < config_.per_device_train_batch_size; ++i, ++row) {
        masker_.append(taken_[static_cast<size_t>(row)], static_cast<uint32_t>(step), row, batch);
      }
      require(batch.predicted() > 0,
              "[corpus] step {}: a batch of {} sequences has special and unknown tokens alone; "
              "is the tokenizer one for this text?",
              step + 1, batch.sequences());
    }
    return batches;
  }
  std::vector<std::string> warnings() override { return corpus_.warnings(); }
  const data::CorpusCounts* counts() const override { return &corpus_.counts(); }
  sora::NamedTensors state(int64_t next) const override {
    sora::NamedTensors tensors = corpus_.save();
    if (next == taken_for_) data::append_sequences(tensors, kTaken, taken_);
    return tensors;
  }
  void restore(const nn::Checkpoint& checkpoint, int64_t next) override {
    const auto read = [&](const std::string& name) {
      std::vector<int64_t> values(static_cast<size_t>(checkpoint.at(name).numel()));
      checkpoint.copy_to<int64_t>(name, values);
      return values;
    };
    corpus_.load(read);
    if (!checkpoint.contains(kTaken)) return;
    taken_ = data::read_sequences(read, kTaken);
    taken_for_ = next;
  }

 private:
  static constexpr const char* kTaken = "corpus.taken";

  // Reads the sequences of a step, as far as an earlier attempt has not read them.
  void take(int64_t step) {
    if (step != std::exchange(taken_for_, step)) taken_.clear();
    const auto wanted = static_cast<size_t>(config_.gradient_accumulation_steps *
                                            config_.per_device_train_batch_size);
    taken_.reserve(wanted);  // so that no sequence is lost for want of memory
    while (taken_.size() < wanted) taken_.push_back(*corpus_.next());
  }

  const Config config_;
  data::Corpus corpus_;
  data::Masker masker_;
  std::vector<std::vector<int32_t>> taken_;  // sequences of the step asked for last,
  int64_t taken_for_ = -1;                   // which is this one
};

class ReplayedBatches : public PretrainBatches {
 public:
  ReplayedBatches(const std::string& path, const models::PretrainingModel& model)
      : file_(nn::open_checkpoint(path)),
        detects_(model.detects()),
        vocab_size_(model.config().vocab_size) {
    while (file_.contains(fmt::format("{}.input_ids", steps_ + 1))) ++steps_;
    require(steps_ > 0, "[batches] {}: has no tensor 1.input_ids.", path);
  }

  int64_t steps() const override { return steps_; }

  std::vector<data::MaskedBatch> step(int64_t step) override {
    number_ = step + 1;
    data::MaskedBatch batch;
    batch.input_ids = numbers("input_ids");
    batch.offsets = numbers("offsets");
    const std::vector<int64_t> labels = numbers("labels");
    const std::vector<int64_t> replaced = detects_ ? numbers("replaced") : std::vector<int64_t>();
    check(labels.size() == batch.input_ids.size(), "labels and input_ids differ in length");
    check(!detects_ || replaced.size() == labels.size(), "replaced and labels differ in length");
    constexpr int64_t kNotPredicted = -100;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == kNotPredicted) continue;
      check(labels[i] >= 0 && labels[i] < vocab_size_, "a label is neither -100 nor a token");
      batch.positions.push_back(static_cast<int64_t>(i));
      batch.labels.push_back(labels[i]);
      if (!detects_) continue;
      check(replaced[i] >= 0 && replaced[i] < vocab_size_, "an id in replaced is no token");
      batch.replaced.push_back(replaced[i]);
    }
    check(!batch.positions.empty(), "no position is predicted");
    std::vector<data::MaskedBatch> batches;
    batches.push_back(std::move(batch));
    return batches;
  }

 private:
  std::vector<int64_t> numbers(const char* name) const {
    const std::string path = fmt::format("{}.{}", number_, name);
    std::vector<int64_t> values(static_cast<size_t>(file_.at(path).numel()));
    file_.copy_to<int64_t>(path, values);
    return values;
  }
  void check(bool condition, const char* fault) const {
    require(condition, "[batches] {}: step {}: {}.", file_.where(), number_, fault);
  }

  nn::Checkpoint file_;
  bool detects_;
  int64_t vocab_size_;
  int64_t steps_ = 0, number_ = 0;
};

}  // namespace

data::MaskRule mask_rule(const PretrainKeys& keys, bool detects) {
  return {.mlm_probability = keys.mlm_probability,
          .mask_replace = keys.mask_replace.value_or(detects ? 1 : 0.8),
          .random_replace = keys.random_replace.value_or(detects ? 0 : 0.1)};
}

std::unique_ptr<PretrainBatches> corpus_batches(const Config& config,
                                                const data::Tokenizer& tokenizer,
                                                const models::PretrainingModel& model) {
  return std::make_unique<CorpusBatches>(config, tokenizer, model);
}

std::unique_ptr<PretrainBatches> replayed_batches(const std::string& path,
                                                  const models::PretrainingModel& model) {
  return std::make_unique<ReplayedBatches>(path, model);
}

std::vector<data::MaskedBatch> validation_batches(const Config& config,
                                                  const data::Tokenizer& tokenizer,
                                                  const models::PretrainingModel& model) {
  data::CorpusOptions options = corpus_options(config);
  options.files = config.pretrain.validation_corpus;
  options.key = "validation_corpus";
  options.shuffle = options.repeat = false;
  data::Corpus corpus(tokenizer, options);
  const data::Masker masker = masker_of(config, tokenizer, model);
  std::vector<data::MaskedBatch> batches;
  for (int64_t row = 0; row < kMaxValidationSequences; ++row) {
    const auto sequence = corpus.next();
    if (!sequence) break;
    if (row % config.per_device_eval_batch_size == 0) batches.emplace_back();
    masker.append(*sequence, kValidationStep, row, batches.back());
  }
  std::erase_if(batches, [](const data::MaskedBatch& batch) { return batch.predicted() == 0; });
  require(!batches.empty(), "[validation_corpus] {}: no token can be predicted.", options.files);
  return batches;
}

models::PretrainingInput pretraining_input(const data::MaskedBatch& batch,
                                           models::PretrainingModel& model, Device device) {
  return pretraining_input(batch, model, [device](const auto& values) {
    return Tensor::from(values, {static_cast<int64_t>(values.size())}, device);
  });
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
