// SequenceClassifier: what training and the command line see of a model. Its module tree carries
// the Hugging Face names; its input is ragged.
#pragma once

#include <cstdint>
#include <memory>

#include "models/config.h"
#include "models/model_input.h"
#include "nn/module.h"

namespace soragrad::models {

class SequenceClassifier : public nn::Module {
 public:
  // (sequences, num_labels). In the last layer only the first token of each sequence is computed
  // past keys and values, unless the pass is observed.
  virtual Variable forward(const ModelInput& input, const nn::Pass& pass) = 0;
  virtual const ModelConfig& config() const = 0;
  // Longest sequence the position table allows; 0: no limit.
  virtual int64_t max_positions() const = 0;

  // Adds the positions that the model reads. Throws where ids are not in the vocabulary, token
  // types not in their table, or a sequence is longer than max_positions(). Looks at host memory
  // alone. forward() does it where nobody has.
  void complete(HostInput& host) const;

 protected:
  // The input with its positions on the device.
  ModelInput completed(const ModelInput& input) const;
  virtual void add_positions(HostInput& host) const = 0;
};

// A model of the config's type with parameters that have no values yet.
std::unique_ptr<SequenceClassifier> make_model(const ModelConfig& config);

}  // namespace soragrad::models
