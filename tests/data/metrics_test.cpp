// Reference values: scikit-learn 1.9.1 and SciPy 1.17.1.
#include "data/metrics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"

using namespace soragrad;
using namespace soragrad::data;

namespace {

using Classes = std::vector<int64_t>;
using Values = std::vector<double>;

const double kNaN = std::nan("");

std::vector<Example> labelled(const Classes& labels) {
  std::vector<Example> rows;
  for (const int64_t label : labels) rows.push_back({.label = label});
  return rows;
}

}  // namespace

TEST_CASE("metrics: accuracy, f1 and matthews_correlation of two classes are sklearn's") {
  const Classes predictions{1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1};
  const Classes labels{1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1};
  CHECK(accuracy(predictions, labels) == 0.75);
  CHECK(f1(predictions, labels) == doctest::Approx(0.7692307692307693).epsilon(1e-14));
  CHECK(matthews_correlation(predictions, labels) ==
        doctest::Approx(0.50709255283711).epsilon(1e-14));
}

TEST_CASE("metrics: matthews_correlation of three classes is sklearn's") {
  CHECK(matthews_correlation(Classes{0, 1, 2, 2, 1, 0, 0, 2, 1, 1},
                             Classes{0, 1, 2, 1, 1, 0, 2, 2, 0, 1}) ==
        doctest::Approx(0.5454545454545454).epsilon(1e-14));
}

TEST_CASE("metrics: f1 and matthews_correlation are 0 where they divide by 0") {
  CHECK(f1(Classes{0, 0}, Classes{0, 0}) == 0);
  CHECK(f1(Classes{0, 0}, Classes{1, 1}) == 0);
  CHECK(matthews_correlation(Classes{1, 1, 1}, Classes{1, 1, 1}) == 0);
  CHECK(matthews_correlation(Classes{1, 0, 1}, Classes{1, 1, 1}) == 0);
  CHECK(matthews_correlation(Classes{1, 1, 0}, Classes{0, 0, 1}) == -1);
}

TEST_CASE("metrics: pearson and spearmanr are SciPy's, ties share the mean of their ranks") {
  const Values x{2.5, 0.1, 3.3, 4.75, 3.3, 1.0, 5.2, -0.4};
  const Values y{3.0, 0.0, 2.8, 5.0, 3.6, 1.0, 4.4, 1.0};
  CHECK(pearson(x, y) == doctest::Approx(0.9512237918245947).epsilon(1e-14));
  CHECK(spearmanr(x, y) == doctest::Approx(0.8915662650602408).epsilon(1e-14));
  CHECK(pearson(Values{1.5, 2.0}, Values{3.0, 1.0}) == -1);
}

TEST_CASE("metrics: correlations of constants and of NaN are NaN") {
  const Values rising{1, 2, 3};
  for (const Values& x : {Values{1, 1, 1}, Values{1, kNaN, 2}, Values{kNaN, kNaN, kNaN}}) {
    CHECK(std::isnan(pearson(x, rising)));
    CHECK(std::isnan(spearmanr(x, rising)));
    CHECK(std::isnan(spearmanr(rising, x)));
  }
}

TEST_CASE("metrics: argmax takes the first of equals, and NaN as the largest") {
  const float nan = std::nanf("");
  CHECK(argmax_rows(std::vector<float>{1, 3, 3, 0, -1, -2, 5, nan, 9, nan, 1, nan}, 3) ==
        Classes{1, 0, 1, 0});
  CHECK_THROWS_AS(argmax_rows(std::vector<float>{1, 2, 3}, 2), Error);
}

TEST_CASE("metrics: each task has its metrics, in order") {
  const std::vector<float> logits{0, 1, 1, 0, 0, 1, 0, 1};  // classes 1 0 1 1
  const auto rows = labelled({1, 0, 0, 1});
  CHECK(compute_metrics(find_task("rte"), logits, rows) == Metrics{{"accuracy", 0.75}});
  CHECK(compute_metrics(find_task("mrpc"), logits, rows) ==
        Metrics{{"accuracy", 0.75}, {"f1", 0.8}});
  const Metrics cola = compute_metrics(find_task("cola"), logits, rows);
  REQUIRE(cola.size() == 1);
  CHECK(cola[0].first == "matthews_correlation");
  CHECK(cola[0].second == doctest::Approx(1 / std::sqrt(3.0)).epsilon(1e-14));

  std::vector<Example> scored(3);
  for (int i = 0; i < 3; ++i) scored[i].score = static_cast<float>(i);
  const Metrics stsb =
      compute_metrics(find_task("stsb"), std::vector<float>{0.5f, 2.5f, 4.5f}, scored);
  REQUIRE(stsb.size() == 2);
  CHECK(stsb[0].first == "pearson");
  CHECK(stsb[0].second == doctest::Approx(1).epsilon(1e-14));
  CHECK(stsb[1] == std::pair<std::string, double>("spearmanr", 1.0));
}

TEST_CASE("metrics: unequal lists, missing labels and no rows are errors") {
  CHECK_THROWS_AS(accuracy(Classes{1}, Classes{1, 0}), Error);
  CHECK_THROWS_AS(f1(Classes{}, Classes{}), Error);
  const Task& rte = find_task("rte");
  CHECK_THROWS_AS(compute_metrics(rte, std::vector<float>{1, 2}, labelled({-1})), Error);
  CHECK_THROWS_AS(compute_metrics(rte, std::vector<float>{1, 2}, labelled({0, 1})), Error);
}

// SPDX-License-Identifier: Apache-2.0
