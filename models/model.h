// SequenceClassifier: what training and the command line see of a model. Its module tree carries
// the Hugging Face names; its input is ragged.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "autograd/ops.h"
#include "models/config.h"
#include "nn/module.h"

namespace soragrad::models {

// One batch on the model's device: the tokens of all sequences one after another.
struct ModelInput {
  Tensor input_ids;                     // I64 (tokens)
  std::vector<int64_t> host_input_ids;  // the same on the host: RoBERTa's positions depend on them
  Tensor token_type_ids;                // I64 (tokens); undefined: all 0 (DeBERTa and RoBERTa
                                        // read none)
  int64_t max_token_type = 0;           // the largest of them
  AttentionLayout layout;  // offsets, host_offsets, max_length; distance_row is the model's to fill
  Tensor first_tokens;     // I64 (sequences): offsets without the last

  int64_t sequences() const { return static_cast<int64_t>(layout.host_offsets.size()) - 1; }
};

// token_type_ids may be empty. Throws where offsets do not begin at 0, increase and end with the
// tokens: no sequence is empty.
ModelInput make_input(const std::vector<int64_t>& input_ids,
                      const std::vector<int64_t>& token_type_ids,
                      const std::vector<int64_t>& offsets, Device device);
// Throws where ids are not in the vocabulary, token types not in their table, or a sequence is
// longer than max_positions (0: no limit). Looks at host memory alone.
void check_input(const ModelInput& input, const ModelConfig& config, int64_t max_positions);

class SequenceClassifier : public nn::Module {
 public:
  // (sequences, num_labels). In the last layer only the first token of each sequence is computed
  // past keys and values, unless the pass is observed.
  virtual Variable forward(const ModelInput& input, const nn::Pass& pass) = 0;
  virtual const ModelConfig& config() const = 0;
  // Longest sequence the position table allows; 0: no limit.
  virtual int64_t max_positions() const = 0;
};

// A model of the config's type with parameters that have no values yet.
std::unique_ptr<SequenceClassifier> make_model(const ModelConfig& config);

}  // namespace soragrad::models
