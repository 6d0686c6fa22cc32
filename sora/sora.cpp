#include "sora/sora.h"

#include "autograd/ops.h"

namespace soragrad::sora {

nn::ParameterRule Sora::rule(const nn::Parameter& parameter) const {
  if (parameter.path().ends_with(".gate")) return {.gate = true, .decay = false};
  return Method::rule(parameter);
}

Variable Sora::regularizer() {
  if (config_.sparse_lambda == 0) return {};
  return mean_abs(gates(), static_cast<real>(config_.sparse_lambda));
}

std::vector<std::pair<std::string, int64_t>> Sora::report() const {
  return {{"gates_zero", sparsity().zero}};
}

}  // namespace soragrad::sora
