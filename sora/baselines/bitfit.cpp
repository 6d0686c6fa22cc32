#include "sora/baselines/bitfit.h"

namespace soragrad::sora {

void BitFit::attach_to(nn::Module& model, std::optional<uint64_t>) {
  bool found = false;
  model.for_each_parameter([&](nn::Parameter& parameter) {
    const std::string path = parameter.path();
    if (!path.ends_with(".bias") || path.find("encoder.layer.") == std::string::npos) return;
    parameter.set_requires_grad(true);
    found = true;
  });
  require(found, "[bitfit] the model has no encoder.layer.N with biases.");
}

}  // namespace soragrad::sora
