// What only shows between keys of `pretrain`.
#include "train/config/config.h"
#include "train/config/misuse.h"

namespace soragrad::train {

void resolve_pretraining(Config& config) {
  const PretrainKeys& keys = config.pretrain;
  if (config.model.empty()) {
    misuse("[config] model is not given; add model=... or put it into the YAML file.");
  }
  if (keys.corpus.empty() && keys.batches.empty()) {
    misuse("[config] corpus is not given; add corpus=FILE.txt,... or batches=FILE.safetensors.");
  }
  if (!keys.corpus.empty() && !keys.batches.empty()) {
    misuse("[config] corpus and batches are both given; a run reads one of them.");
  }
  if (config.max_steps == 0) misuse("[config] max_steps is 0; expected a whole number above 0.");
  if (config.max_steps < 0 && keys.batches.empty()) {
    misuse("[config] max_steps is not given; a corpus has no end, so a run needs its length.");
  }
  if (keys.mlm_probability == 0) misuse("[config] mlm_probability is 0: nothing is predicted.");
  if (keys.mask_replace.value_or(0) + keys.random_replace.value_or(0) > 1) {
    misuse("[config] mask_replace {} and random_replace {} are together more than 1.",
           *keys.mask_replace, *keys.random_replace);
  }
  if (config.output.empty()) {
    config.output = fmt::format("runs/pretrain-{}-{}",
                                keys.objective.empty() ? "auto" : keys.objective, config.seed);
  }
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
