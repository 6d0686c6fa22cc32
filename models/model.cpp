#include "models/model.h"

#include <limits>
#include <utility>

#include "core/error.h"
#include "models/bert.h"
#include "models/deberta_v3.h"
#include "models/roberta.h"

namespace soragrad::models {

void SequenceClassifier::complete(HostInput& host) const {
  for (const int64_t id : host.input_ids) {
    require(id >= 0 && id < config().vocab_size,
            "[input] id {} is not in the vocabulary of {} tokens.", id, config().vocab_size);
  }
  const int64_t known = config().type == ModelType::bert ? config().type_vocab_size
                                                         : std::numeric_limits<int64_t>::max();
  for (const int64_t type : host.token_type_ids) {
    require(type >= 0, "[input] token type {} is negative.", type);
    require(type < known, "[input] token type {}; the model knows {} types.", type, known);
  }
  require(max_positions() == 0 || host.longest <= max_positions(),
          "[input] a sequence of {} tokens; the model's position table holds {}.", host.longest,
          max_positions());
  add_positions(host);
  host.complete = true;
}

ModelInput SequenceClassifier::completed(const ModelInput& input) const {
  if (input.host.complete) return input;
  HostInput host = input.host;
  complete(host);
  return upload(std::move(host), input.input_ids.device());
}

std::unique_ptr<SequenceClassifier> make_model(const ModelConfig& config) {
  switch (config.type) {
    case ModelType::deberta_v2:
      return std::make_unique<DebertaV3Classifier>(config);
    case ModelType::roberta:
      return std::make_unique<RobertaClassifier>(config);
    case ModelType::bert:
      return std::make_unique<BertClassifier>(config);
  }
  fail("[make_model] unknown model type.");
}

}  // namespace soragrad::models
