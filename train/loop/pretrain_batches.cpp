#include "train/loop/pretrain_batches.h"

#include <charconv>
#include <filesystem>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/sha256.h"

namespace soragrad::train {

namespace {

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
  // Reads all steps once, so that what is wrong is said before the first one.
  ReplayedBatches(const std::string& path, models::PretrainingModel& model)
      : path_(path),
        file_(open(path)),
        detects_(model.detects()),
        vocab_size_(model.config().vocab_size),
        max_length_(model.backbone().max_positions()) {
    while (file_.contains(name_of(steps_ + 1, "input_ids"))) read(++steps_);
    for (const nn::StoredTensor& tensor : file_.tensors()) {
      int64_t number = 0;
      std::from_chars(tensor.name.data(), tensor.name.data() + tensor.name.size(), number);
      require(number <= steps_, "[batches] {}: has {}, but no {}; steps count from 1.", path,
              shown(tensor.name), name_of(steps_ + 1, "input_ids"));
    }
    require(steps_ > 0, "[batches] {}: has no tensor 1.input_ids.", path);
  }

  int64_t steps() const override { return steps_; }
  std::vector<data::MaskedBatch> step(int64_t step) override { return {read(step + 1)}; }

  sora::NamedTensors state(int64_t /*next*/) const override {
    return {{kHash, Tensor::from(hash(), {kHashWords})}};
  }
  void restore(const nn::Checkpoint& checkpoint, int64_t /*next*/) override {
    if (!checkpoint.contains(kHash)) return;
    std::vector<int64_t> before(kHashWords);
    checkpoint.copy_to<int64_t>(kHash, before);
    require(before == hash(),
            "[resume] batches={} is not the file that the run began with: it holds other bytes. "
            "Put that file back.",
            path_);
  }

 private:
  static constexpr const char* kHash = "batches.sha256";
  static constexpr int64_t kHashWords = 4;

  static nn::Checkpoint open(const std::string& path) {
    require(!std::filesystem::is_directory(path),
            "[batches] {} is a folder; give a file of safetensors.", path);
    return nn::open_checkpoint(path);
  }
  static std::string name_of(int64_t step, const char* part) {
    return fmt::format("{}.{}", step, part);
  }

  // Of the file, computed when it is first asked for.
  const std::vector<int64_t>& hash() const {
    if (!hash_.empty()) return hash_;
    const std::string digits = sha256_of_file(path_);
    constexpr size_t kDigits = 16;
    for (size_t i = 0; i < digits.size(); i += kDigits) {
      hash_.push_back(static_cast<int64_t>(std::stoull(digits.substr(i, kDigits), nullptr, 16)));
    }
    return hash_;
  }

  // Step `number`, counted from 1.
  data::MaskedBatch read(int64_t number) const {
    data::MaskedBatch batch;
    batch.input_ids = numbers(number, "input_ids");
    batch.offsets = numbers(number, "offsets");
    const std::vector<int64_t> labels = numbers(number, "labels");
    const std::vector<int64_t> replaced =
        detects_ ? numbers(number, "replaced") : std::vector<int64_t>();
    const size_t tokens = batch.input_ids.size();
    check(labels.size() == tokens, number, "{} labels for {} input_ids", labels.size(), tokens);
    check(!detects_ || replaced.size() == tokens, number, "{} ids in replaced for {} input_ids",
          replaced.size(), tokens);
    check_rows(number, batch);
    constexpr int64_t kNotPredicted = -100;
    for (size_t i = 0; i < tokens; ++i) {
      check_token(number, "input_ids", i, batch.input_ids[i]);
      if (labels[i] == kNotPredicted) continue;
      check_token(number, "labels", i, labels[i]);
      batch.positions.push_back(static_cast<int64_t>(i));
      batch.labels.push_back(labels[i]);
      if (!detects_) continue;
      check_token(number, "replaced", i, replaced[i]);
      batch.replaced.push_back(replaced[i]);
    }
    check(!batch.positions.empty(), number, "all {} labels are -100: nothing is predicted", tokens);
    return batch;
  }

  void check_rows(int64_t number, const data::MaskedBatch& batch) const {
    const std::vector<int64_t>& offsets = batch.offsets;
    const auto tokens = static_cast<int64_t>(batch.input_ids.size());
    check(offsets.size() > 1, number, "{} offsets; a row needs two", offsets.size());
    check(offsets.front() == 0 && offsets.back() == tokens, number,
          "offsets go from {} to {}; there are {} input_ids, so from 0 to {}", offsets.front(),
          offsets.back(), tokens, tokens);
    for (size_t row = 0; row + 1 < offsets.size(); ++row) {
      const int64_t begin = offsets[row], end = offsets[row + 1];
      check(begin < end, number, "offsets {} and {} of row {} do not rise", begin, end, row);
      check(max_length_ == 0 || end - begin <= max_length_, number,
            "row {} has {} tokens; the model's position table holds {}", row, end - begin,
            max_length_);
    }
  }

  void check_token(int64_t number, const char* part, size_t at, int64_t id) const {
    check(id >= 0 && id < vocab_size_, number, "{} has {} at {}; tokens are 0 to {}", part, id, at,
          vocab_size_ - 1);
  }

  std::vector<int64_t> numbers(int64_t number, const char* part) const {
    const std::string name = name_of(number, part);
    std::vector<int64_t> values(static_cast<size_t>(file_.at(name).numel()));
    file_.copy_to<int64_t>(name, values);
    return values;
  }

  template <typename... Args>
  void check(bool condition, int64_t number, fmt::format_string<const Args&...> fault,
             const Args&... args) const {
    if (condition) return;
    fail("[batches] {}: step {}: {}.", path_, number, fmt::format(fault, args...));
  }

  std::string path_;
  nn::Checkpoint file_;
  bool detects_;
  int64_t vocab_size_, max_length_;  // max_length_ 0: any
  int64_t steps_ = 0;
  mutable std::vector<int64_t> hash_;
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
                                                  models::PretrainingModel& model) {
  return std::make_unique<ReplayedBatches>(path, model);
}

std::vector<data::MaskedBatch> validation_batches(const Config& config, const Note& note,
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
  if (corpus.next()) {
    note(fmt::format("validation_corpus: the first {} sequences validate; the rest is not read.",
                     kMaxValidationSequences));
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
