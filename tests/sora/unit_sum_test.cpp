#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/communicator.h"
#include "sora/unit_sum.h"

using namespace soragrad;

namespace {

using Values = std::vector<real>;

// Additions of these do not commute: (1 + 1e8) - 1e8 is 0, 1 + (1e8 - 1e8) is 1.
const std::vector<Values> kUnits{{1, 1, 1}, {1e8f, 0, 1e8f}, {-1e8f, 1, -1e8f}, {1, 1, 0}};

// The first of two processes. The other one has the units of odd numbers, and sends and owns what a
// test has put down for it.
class FirstOfTwo : public Communicator {
 public:
  int size() const override { return 2; }
  void exchange(const Tensor& unit, int units, const Tensor& received) override {
    const int64_t own = shard_of(unit.numel(), 0, 2).size();
    REQUIRE(received.numel() == units * own);
    std::copy_n(unit.data(), own, received.data());
    if (units == 2) std::copy_n(kUnits[next_other_].data(), own, received.data() + own);
    next_other_ += 2;
  }
  void gather(const Tensor& all) override {
    const ShardRange other = shard_of(all.numel(), 1, 2);
    std::copy_n(gathered.data() + other.begin, other.size(), all.data() + other.begin);
  }
  Values gathered;  // the whole sum

 private:
  size_t next_other_ = 1;
};

Tensor tensor(const Values& values) {
  const Tensor result = Tensor::empty({static_cast<int64_t>(values.size())});
  std::ranges::copy(values, result.data());
  return result;
}

// The sum of one process.
Values sum_of(size_t units) {
  sora::UnitSum sum;
  const Tensor grads = tensor({0, 0, 0});
  for (size_t m = 0; m < units; ++m) {
    grads.copy_from(tensor(kUnits[m]));
    sum.add(grads, 1);
    CHECK(grads.to_vector() == Values{0, 0, 0});
  }
  sum.finish(grads);
  return grads.to_vector();
}

}  // namespace

TEST_CASE("unit sum: units are added in order") {
  CHECK(sum_of(1) == kUnits[0]);
  CHECK(sum_of(3) == Values{0, 2, 0});
  CHECK(sum_of(4) == Values{1, 3, 0});
}

TEST_CASE("unit sum: a step without units leaves the gradient as it is, the next one starts anew") {
  sora::UnitSum sum;
  const Tensor grads = tensor({1, 2, 3});
  sum.finish(grads);
  CHECK(grads.to_vector() == Values{1, 2, 3});
  for (int step = 0; step < 2; ++step) {
    grads.copy_from(tensor({1, 2, 3}));
    sum.add(grads, 1);
    sum.finish(grads);
    CHECK(grads.to_vector() == Values{1, 2, 3});
  }
}

TEST_CASE("unit sum: two processes have the bits of one, and a last round may have fewer units") {
  for (const size_t units : {size_t{3}, size_t{4}}) {
    const Values whole = sum_of(units);
    auto first = std::make_unique<FirstOfTwo>();
    first->gathered = whole;
    set_world(std::move(first));
    sora::UnitSum sum;
    const Tensor grads = tensor({0, 0, 0});
    for (size_t m = 0; m < units; m += 2) {
      grads.copy_from(tensor(kUnits[m]));
      sum.add(grads, m + 1 < units ? 2 : 1);
      CHECK(grads.to_vector() == Values{0, 0, 0});
    }
    sum.finish(grads);
    set_world(std::make_unique<Communicator>());
    CHECK(grads.to_vector() == whole);
  }
}

// SPDX-License-Identifier: Apache-2.0
