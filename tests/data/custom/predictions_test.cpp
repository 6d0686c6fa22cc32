#include "data/custom/predictions.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "data/custom/custom.h"

using namespace soragrad;
using Json = nlohmann::json;

namespace {

std::vector<data::Example> rows_of(std::vector<std::optional<std::string>> ids) {
  std::vector<data::Example> rows;
  for (std::optional<std::string>& id : ids) {
    rows.push_back({.index = std::ssize(rows)});
    rows.back().id = std::move(id);
  }
  return rows;
}

}  // namespace

TEST_CASE("predictions: id, name and probability, and a column a class if asked for") {
  const auto task = data::make_custom_task(data::ProblemType::single_label_classification,
                                           {"no", "yes"}, {}, false);
  const std::vector<float> logits = {0, 0, -1, 2};
  const auto rows = rows_of({"a\tb", std::nullopt});
  CHECK(data::prediction_text(*task, logits, rows, {}) ==
        "id\tlabel\tprobability\na b\tno\t0.5\n1\tyes\t0.952574127\n");
  CHECK(data::prediction_text(*task, logits, rows, {.has_probabilities = true})
            .starts_with("id\tlabel\tprobability\tno\tyes\na b\tno\t0.5\t0.5\t0.5\n"));
  const std::string lines =
      data::prediction_text(*task, logits, rows, {.is_json = true, .has_probabilities = true});
  const Json first = Json::parse(lines.substr(0, lines.find('\n')));
  CHECK(first == Json{{"id", "a\tb"},
                      {"label", "no"},
                      {"probability", 0.5},
                      {"probabilities", {{"no", 0.5}, {"yes", 0.5}}}});
}

TEST_CASE("predictions: an empty id stays empty, a row's number is no id of a file that has ids") {
  const auto task = data::make_custom_task(data::ProblemType::regression, {}, {}, false);
  const std::vector<float> logits = {1, 2};
  const auto rows = rows_of({"1", ""});
  CHECK(data::prediction_text(*task, logits, rows, {}) == "id\tlabel\n1\t1\n\t2\n");
  CHECK(data::prediction_text(*task, logits, rows, {.is_json = true}) ==
        "{\"id\":\"1\",\"label\":1.0}\n{\"id\":null,\"label\":2.0}\n");
}

TEST_CASE("predictions: several labels are those of at least one half, each with its probability") {
  const auto task = data::make_custom_task(data::ProblemType::multi_label_classification,
                                           {"x", "y", "z"}, {}, false);
  const std::vector<float> logits = {0, -3, 1, -1, -1, -1};
  const auto rows = rows_of({"p", "q"});
  CHECK(data::prediction_text(*task, logits, rows, {.separator = ";"}) ==
        "id\tlabel\tprobability\np\tx;z\t0.5;0.731058579\nq\t\t\n");
  const std::string lines = data::prediction_text(*task, logits, rows, {.is_json = true});
  CHECK(Json::parse(lines.substr(0, lines.find('\n')))["label"] == Json{"x", "z"});
  CHECK(Json::parse(lines.substr(lines.find('\n') + 1))["label"] == Json::array());
}

TEST_CASE("predictions: a regression's label is its score") {
  const auto task = data::make_custom_task(data::ProblemType::regression, {}, {}, false);
  const std::vector<float> logits = {2.5f, -1};
  const auto rows = rows_of({"p", "q"});
  CHECK(data::prediction_text(*task, logits, rows, {.has_probabilities = true}) ==
        "id\tlabel\np\t2.5\nq\t-1\n");
  CHECK(data::prediction_text(*task, logits, rows, {.is_json = true}) ==
        "{\"id\":\"p\",\"label\":2.5}\n{\"id\":\"q\",\"label\":-1.0}\n");
}

// SPDX-License-Identifier: Apache-2.0
