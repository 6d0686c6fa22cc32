// What is computed from finished runs: rank grids, rank statistics, costs, parameter counts.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "core/error.h"
#include "train/report/cost_table.h"
#include "train/report/method_counts.h"
#include "train/report/rank_statistics.h"
#include "train/report/rank_table.h"

using namespace soragrad;
using namespace soragrad::train;
using nlohmann::json;

namespace {

std::vector<sora::ModuleRank> ranks(int64_t query0, int64_t query1, int64_t out0, int64_t out1) {
  const std::string layer = "deberta.encoder.layer.";
  return {{layer + "0.output.dense", out0, 4},
          {layer + "0.attention.self.query_proj", query0, 4},
          {layer + "1.output.dense", out1, 4},
          {layer + "1.attention.self.query_proj", query1, 4}};
}

json results(const char* method, double step, int64_t stored) {
  return {{"method", method},
          {"sparsity", 0.25},
          {"seconds_per_step", step},
          {"steps_per_epoch", 100},
          {"parameters",
           {{"trainable", 1500},
            {"trainable_head", 500},
            {"stored", stored},
            {"stored_released_counter", 900}}}};
}

}  // namespace

TEST_CASE("rank_table: layers down, modules across in the order of the computation") {
  CHECK(rank_table(ranks(4, 2, 1, 0)) ==
        "layer      query    ffn.out\n"
        "    0      4/4 █      1/4 ░\n"
        "    1      2/4 ▒      0/4 ·\n");
  CHECK(rank_table({}).empty());
  const HeatMap map = rank_map(rank_grid(ranks(4, 2, 1, 0)), "map");
  REQUIRE(map.cells.size() == 4);
  CHECK(map.cells[1].share == 0.25);
  CHECK(map.cells[3].text == "0/4");
}

TEST_CASE("rank_statistics: means and deviations over runs, by layer, module and task") {
  const RankStatistics s = rank_statistics({{"a", "cola", "sora", 1, ranks(4, 2, 1, 0)},
                                            {"b", "cola", "sora", 2, ranks(2, 2, 1, 1)},
                                            {"c", "rte", "sora", 1, ranks(0, 1, 0, 0)}});
  using Names = std::vector<std::string>;
  CHECK(s.groups == Names{"cola", "rte", "all"});
  CHECK(s.layers == Names{"0", "1"});
  CHECK(s.modules == Names{"query", "ffn.out"});
  // Layer 0 of cola: runs keep (4 + 1) / 2 and (2 + 1) / 2.
  CHECK(s.by_layer[0][0].mean == doctest::Approx(2));
  CHECK(s.by_layer[0][0].std == doctest::Approx(std::sqrt(0.5)));
  CHECK(s.by_layer[0][0].count == 2);
  CHECK(s.by_layer[0][1].std == 0);
  CHECK(s.by_module[0][2].mean == doctest::Approx((3 + 2 + 0.5) / 3));
  CHECK(s.overall[1].mean == doctest::Approx(0.25));
  CHECK(s.cells[0][0].mean == doctest::Approx(2));
  CHECK(s.cells[0][0].std == doctest::Approx(2));
  CHECK(s.largest_rank == 4);
  CHECK(statistics_text(s).find("0      2.00 ± 0.71  0.00 ± 0.00") != std::string::npos);
  CHECK(statistics_json(s)["by_layer"][0]["cola"]["runs"] == 2);
  CHECK(statistics_html(s).find("2.0 ± 2.0") != std::string::npos);

  const RankStatistics two = rank_statistics({{"a", "cola", "sora", 1, ranks(4, 2, 1, 0)},
                                              {"b", "cola", "adalora", 1, ranks(1, 1, 1, 1)}});
  CHECK(two.groups == Names{"cola sora", "cola adalora", "all"});
  CHECK_THROWS_WITH_AS(rank_statistics({{"x", "cola", "lora", 1, {}}}),
                       doctest::Contains("x has no ranks"), Error);
}

TEST_CASE("cost_table: means over seeds, epochs against adalora's of the same task") {
  const TextTable table = cost_table({{"rte", "sora-r8", results("sora", 0.1, 1000)},
                                      {"rte", "sora-r8", results("sora", 0.3, 500)},
                                      {"rte", "ada", results("adalora", 0.4, 1000)},
                                      {"cola", "sora-r8", {{"method", "sora"}}}});
  using Row = std::vector<std::string>;
  REQUIRE(table.rows.size() == 3);
  CHECK(table.rows[0] == Row{"rte", "sora-r8", "1,000", "750", "900", "25.0%", "200", "20", "0.5"});
  CHECK(table.rows[1][8] == "1");
  CHECK(table.rows[2] == Row{"cola", "sora-r8", "-", "-", "-", "-", "-", "-", "-"});
}

TEST_CASE("method_counts: DeBERTaV3-base's are the published ones") {
  const models::ModelConfig config = models::parse_config(
      R"({"model_type": "deberta-v2", "vocab_size": 128100, "hidden_size": 768,
          "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
          "max_position_embeddings": 512, "type_vocab_size": 0, "relative_attention": true,
          "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": true,
          "pos_att_type": "p2c|c2p", "position_biased_input": false,
          "max_relative_positions": -1})",
      "test");
  const std::vector<MethodCount> counts = method_counts(config);
  const auto trained = [&](const std::string& method, const std::string& settings) {
    for (const MethodCount& count : counts) {
      if (count.method == method && count.settings == settings) return count.trained;
    }
    return int64_t{-1};
  };
  CHECK(trained("lora", "r=4") == 663552);
  CHECK(trained("lora", "r=8") == 1327104);
  CHECK(trained("lora", "r=16") == 2654208);
  CHECK(trained("sora", "r=8") == 1327104 + 576);
  CHECK(trained("houlsby", "bottleneck=16") == 608640);
  CHECK(trained("houlsby", "bottleneck=32") == 1198848);
  CHECK(trained("full", "") == 183831552);
}

// SPDX-License-Identifier: Apache-2.0
