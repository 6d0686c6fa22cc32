// Reference values: torch.randperm(n, generator=torch.Generator().manual_seed(seed)), torch 2.15;
// numpy.random.default_rng(seed).permutation(n), NumPy 2.4.
#include "data/permutation.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/error.h"

using soragrad::data::numpy_permutation;
using soragrad::data::torch_randperm;

TEST_CASE("permutation: short ones are torch's to the end") {
  using List = std::vector<int64_t>;
  CHECK(torch_randperm(10, 42) == List{2, 6, 1, 8, 4, 5, 0, 9, 3, 7});
  CHECK(torch_randperm(10, 0) == List{4, 1, 7, 5, 3, 9, 0, 8, 6, 2});
  CHECK(torch_randperm(7, 45) == List{5, 3, 1, 2, 4, 6, 0});
  CHECK(torch_randperm(1, 42) == List{0});
  CHECK(torch_randperm(0, 42).empty());
}

TEST_CASE("permutation: the seed counts modulo 2^32") {
  CHECK(torch_randperm(7, (uint64_t{1} << 32) + 42) == std::vector<int64_t>{1, 6, 3, 5, 4, 0, 2});
  CHECK(torch_randperm(7, 42) == std::vector<int64_t>{1, 6, 3, 5, 4, 0, 2});
}

TEST_CASE("permutation: those of GLUE's sizes begin as torch's and hold every row once") {
  const std::vector<std::pair<int64_t, std::vector<int64_t>>> expected = {
      {277, {207, 84, 253, 243, 190, 28, 165, 111}},
      {408, {30, 63, 342, 322, 6, 302, 94, 83}},
      {1043, {911, 408, 813, 657, 710, 526, 977, 467}},
      {1500, {42, 340, 1028, 766, 1150, 1160, 1300, 791}},
      {9815, {8117, 4924, 9261, 1689, 4135, 5740, 5074, 3627}},
      {67349, {6677, 49712, 38268, 32909, 23395, 66940, 62886, 11359}},
      {104743, {99291, 42864, 63734, 96877, 44206, 64004, 30013, 38331}},
      {363846, {74376, 255378, 229510, 126322, 295150, 318617, 325186, 206176}}};
  for (const auto& [n, head] : expected) {
    CAPTURE(n);
    std::vector<int64_t> order = torch_randperm(n, 42);
    REQUIRE(static_cast<int64_t>(order.size()) == n);
    CHECK(std::equal(head.begin(), head.end(), order.begin()));
    std::sort(order.begin(), order.end());
    CHECK(order.front() == 0);
    CHECK(order.back() == n - 1);
    CHECK(std::adjacent_find(order.begin(), order.end()) == order.end());
  }
}

TEST_CASE("permutation: sizes torch draws in another way are refused") {
  CHECK_THROWS_AS(torch_randperm(-1, 42), soragrad::Error);
  CHECK_THROWS_AS(torch_randperm(int64_t{1} << 40, 42), soragrad::Error);
}

TEST_CASE("permutation: NumPy's, short and of GLUE's sizes") {
  using List = std::vector<int64_t>;
  CHECK(numpy_permutation(10, 42) == List{5, 6, 0, 7, 3, 2, 4, 9, 1, 8});
  CHECK(numpy_permutation(7, 0) == List{2, 4, 3, 6, 5, 0, 1});
  CHECK(numpy_permutation(1, 42) == List{0});
  CHECK(numpy_permutation(0, 42).empty());
  struct Row {
    int64_t n;
    List head;
    int64_t checksum;  // sum of order[i] * (i + 1), modulo 1000003
  };
  for (const Row& row :
       {Row{8551, {1792, 7950, 5436, 2959, 3581, 6838, 3097, 5764}, 860989},
        Row{277, {268, 62, 241, 258, 259, 98, 165, 75}, 258333},
        Row{2490, {1913, 795, 1455, 1390, 1359, 242, 1872, 1357}, 781657},
        Row{67349, {32326, 27449, 60108, 23141, 35226, 66852, 65093, 47847}, 705099},
        Row{392702, {151156, 163701, 381322, 391035, 245182, 142623, 343408, 158920}, 951991}}) {
    CAPTURE(row.n);
    const List order = numpy_permutation(row.n, 42);
    REQUIRE(static_cast<int64_t>(order.size()) == row.n);
    CHECK(std::equal(row.head.begin(), row.head.end(), order.begin()));
    int64_t checksum = 0;
    for (int64_t i = 0; i < row.n; ++i) checksum = (checksum + order[i] * (i + 1)) % 1000003;
    CHECK(checksum == row.checksum);
  }
}

// SPDX-License-Identifier: Apache-2.0
