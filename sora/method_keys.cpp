#include "sora/method_keys.h"

namespace soragrad::sora {
namespace {

using namespace ranges;

constexpr std::string_view kLowRank = "sora, lora, adalora", kSora = "sora", kAdalora = "adalora",
                           kAdapter = "houlsby, pfeiffer";
constexpr std::string_view kAllLowRank = "sora|lora|adalora", kBothAdapters = "houlsby|pfeiffer";
constexpr NumberRange kText{};
constexpr NumberRange kNames{"names separated by commas, or [a, b]"};
constexpr bool kIsShape = true, kIsFree = false;

template <auto Member>
MethodField field(MethodConfig& config) {
  return &(config.*Member);
}
using C = MethodConfig;

constexpr MethodKey kKeys[] = {
    {"r", field<&C::r>, "sora|lora", kSmallCount, "", "", kIsShape, kLowRank, "rank"},
    {"lora_alpha", field<&C::lora_alpha>, kAllLowRank, kNumber, "", "", kIsShape, kLowRank,
     "the delta is scaled by lora_alpha / r"},
    {"lora_dropout", field<&C::lora_dropout>, kAllLowRank, kShare, "", "", kIsFree, kLowRank,
     "dropout of the delta's input"},
    {"target_modules", field<&C::target_modules>, kAllLowRank, kNames, "",
     "all six Linears of a layer", kIsShape, kLowRank,
     "ends of module names (* stands for characters of one part), all-linear, or /regex/"},

    {"proximal", field<&C::proximal>, kSora, kText, "exact|released|released_lr", "", kIsFree,
     kSora, "soft threshold by lr*xi, or the released code's by xi or lr*xi"},
    {"xi", field<&C::xi>, kSora, kNotNegative, "", "0.4; released: 3e-4", kIsFree, kSora,
     "threshold of the gates"},
    {"sparse_lambda", field<&C::sparse_lambda>, kSora, kNotNegative, "", "", kIsFree, kSora,
     "weight of the mean absolute gate in the loss"},
    {"sparse_lr", field<&C::sparse_lr>, kSora, kNotNegative, "", "learning_rate", kIsFree, kSora,
     "peak rate of the gates"},
    {"sparse_adam_epsilon", field<&C::sparse_adam_epsilon>, kSora, kPositive, "", "", kIsFree,
     kSora, "of the gates"},
    {"sparse_optim", field<&C::sparse_optim>, kSora, kText, "adamw|sgd", "", kIsFree, kSora,
     "the gates' optimizer; sgd: the paper's equation"},

    {"init_r", field<&C::init_r>, kAdalora, kSmallCount, "", "", kIsShape, kAdalora,
     "rank at the start"},
    {"target_r", field<&C::target_r>, kAdalora, kSmallCount, "", "", kIsFree, kAdalora,
     "mean rank at the end"},
    {"tinit", field<&C::tinit>, kAdalora, kCountOrNone, "", "", kIsFree, kAdalora,
     "steps before the budget falls"},
    {"tfinal", field<&C::tfinal>, kAdalora, kCountOrNone, "", "", kIsFree, kAdalora,
     "steps at the end with fixed ranks"},
    {"deltaT", field<&C::deltaT>, kAdalora, kCount, "", "", kIsFree, kAdalora,
     "steps between two allocations"},
    {"beta1", field<&C::beta1>, kAdalora, kShare, "", "", kIsFree, kAdalora,
     "smoothing of the sensitivity"},
    {"beta2", field<&C::beta2>, kAdalora, kShare, "", "", kIsFree, kAdalora,
     "smoothing of the uncertainty"},
    {"orth_reg_weight", field<&C::orth_reg_weight>, kAdalora, kNotNegative, "", "", kIsFree,
     kAdalora, "weight of the orthogonality term"},

    {"bottleneck", field<&C::bottleneck>, kBothAdapters, kSmallCount, "", "", kIsShape, kAdapter,
     "width of the adapter"},
    {"adapter_activation", field<&C::adapter_activation>, kBothAdapters, kText,
     "gelu_new|gelu|relu", "", kIsShape, kAdapter, ""},
};

}  // namespace

std::span<const MethodKey> method_keys() {
  return kKeys;
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
