#include "sora/sparsity.h"

#include <doctest/doctest.h>

#include "tests/sora/toy_model.h"

namespace soragrad::sora {
namespace {

// The six Linears of every layer, `zero` zero gates in each.
std::vector<DeltaSize> transformer(int layers, int64_t hidden, int64_t rank, int64_t zero) {
  std::vector<DeltaSize> sizes;
  for (int i = 0; i < layers; ++i) {
    for (int j = 0; j < 4; ++j) sizes.push_back({hidden, hidden, rank, zero});
    sizes.push_back({hidden, 4 * hidden, rank, zero});
    sizes.push_back({4 * hidden, hidden, rank, zero});
  }
  return sizes;
}

TEST_CASE("sparsity: parameter counts of DeBERTaV3-base and RoBERTa-large") {
  const std::pair<int64_t, int64_t> base[] = {
      {1, 165888}, {2, 331776}, {4, 663552}, {8, 1327104}, {16, 2654208}};
  for (const auto& [rank, parameters] : base) {
    CHECK(stored_parameters(transformer(12, 768, rank, 0)) == parameters);
    CHECK(released_parameters(transformer(12, 768, rank, 0)) == parameters);
  }
  CHECK(stored_parameters(transformer(24, 1024, 8, 0)) == 3538944);
}

TEST_CASE("sparsity: the released counter has a floor, the true one has none") {
  CHECK(released_parameters(transformer(12, 768, 8, 8)) == 442368);
  CHECK(released_parameters(transformer(12, 768, 4, 4)) == 221184);
  CHECK(released_parameters(transformer(12, 768, 16, 16)) == 884736);
  CHECK(stored_parameters(transformer(12, 768, 8, 8)) == 0);
  // One rank of a whole layer: 4 * 1536 + 2 * 3840.
  CHECK(stored_parameters(transformer(12, 768, 8, 7)) == 12 * 13824);
}

TEST_CASE("sparsity: a method counts its gates and its head apart") {
  ToyModel model;
  const auto method = make_method({.method = "sora", .r = 4});
  method->attach(model, 1);
  constexpr int64_t kHead = kHidden * kHidden + kHidden + kLabels * kHidden + kLabels;
  constexpr int64_t kRank = 2 * (4 * 2 * kHidden + 2 * (kHidden + kIntermediate));  // one, all 12
  ParameterCounts counts = method->counts();
  CHECK(counts.head == kHead);
  CHECK(counts.trainable == kHead + 4 * kRank + 48);
  CHECK(counts.stored == 4 * kRank);
  CHECK(counts.released == 4 * kRank);
  GatedDelta& wide = dynamic_cast<GatedDelta&>(*model.layers[0]->output_dense.delta());
  wide.gate->value().data()[2] = 0;
  counts = method->counts();
  CHECK(counts.stored == 4 * kRank - (kHidden + kIntermediate));
  CHECK(counts.released == 4 * kRank - 2 * kHidden);
  CHECK(method->ranks()[5].module == "deberta.encoder.layer.0.output.dense");
  CHECK(method->ranks()[5].kept == 3);
  CHECK(method->ranks()[5].rank == 4);
}

TEST_CASE("sparsity: the reach of the thresholds, and the xi that would have met the median") {
  const std::vector<real> gates = {0, 0.5f, -1.5f, 1, -2};
  const GateReach reach = reach_of(gates, {.sum = 0.25, .per_xi = 0.5});  // xi = 0.5
  CHECK(reach.share == doctest::Approx(0.2));
  CHECK(reach.median_gate == 1);
  CHECK(reach.xi == doctest::Approx(2.5));  // 2.5 * 0.5 = 0.25 + 1
  CHECK(to_text(reach) ==
        "sora: 20.0% of the gates are at zero. The thresholds of all steps sum to 0.25, the median "
        "absolute gate is 1; xi=2.5 would have reached it.");
  CHECK(reach_of({}, {}).share == 0);
}

}  // namespace
}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
