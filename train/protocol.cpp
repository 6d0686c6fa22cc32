#include "train/protocol.h"

namespace soragrad::train {

namespace {

constexpr ProtocolRules kGlue{true, false, false};     // transformers, run_glue.py
constexpr ProtocolRules kPaper{false, true, true};     // TsinghuaC3I/SoRA: config/, run_glue.py,
                                                       // src/util.py
constexpr ProtocolRules kAdalora{true, false, false};  // QingruZhang/AdaLoRA: NLU/

}  // namespace

const ProtocolRules& rules_of(data::Protocol protocol) {
  switch (protocol) {
    case data::Protocol::paper:
      return kPaper;
    case data::Protocol::adalora:
      return kAdalora;
    case data::Protocol::glue:
      break;
  }
  return kGlue;
}

}  // namespace soragrad::train
