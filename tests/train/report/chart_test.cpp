// Tables and charts: their contents, and that extreme numbers do not break them.
#include "train/report/chart.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "tests/files.h"
#include "train/report/text_table.h"

using namespace soragrad::train;
using soragrad::test::contains;

TEST_CASE("chart: ticks are round and hold the range") {
  using List = std::vector<double>;
  CHECK(ticks_between(0, 10) == List{0, 2, 4, 6, 8, 10});
  CHECK(ticks_between(3, 47) == List{0, 10, 20, 30, 40, 50});
  const List one = ticks_between(5, 5);
  CHECK(one.size() >= 2);
  CHECK(one.front() < 5);
  CHECK(one.back() > 5);
  CHECK(ticks_between(0, 0).size() >= 2);
  CHECK(ticks_between(std::nextafter(100.0, 0.0), 100).size() < 20);
}

TEST_CASE("chart: a logarithmic axis has powers of ten") {
  using List = std::vector<double>;
  CHECK(powers_between(8448, 3340800) == List{1e3, 1e4, 1e5, 1e6, 1e7});
  CHECK(powers_between(100, 100) == List{100, 1000});
  Chart chart{"scores", "parameters", "score", {{"one", {{1e3, 1, ""}, {1e5, 2, ""}}}}};
  chart.log_x = true;
  const std::string svg = to_svg(chart);
  CHECK(contains(svg, ">1k<"));
  CHECK(contains(svg, ">10k<"));
  CHECK(contains(svg, ">100k<"));
  chart.series[0].points[0].x = 0;  // has no logarithm
  CHECK(contains(to_svg(chart), ">20k<"));
}

TEST_CASE("chart: title, labels, legend and every finite point are drawn") {
  const Chart chart{"gates & <metric>",
                    "gates, %",
                    "accuracy",
                    {{"one", {{0, 1, "first"}, {50, 2, ""}, {NAN, 3, "lost"}}},
                     {"two", {{100, INFINITY, "lost"}, {25, 1.5, "last"}}, false}}};
  const std::string svg = to_svg(chart);
  for (const char* part : {"gates &amp; &lt;metric&gt;", ">gates, %<", ">accuracy<", ">one<",
                           ">two<", "<title>first</title>", "<title>last</title>"}) {
    CAPTURE(part);
    CHECK(contains(svg, part));
  }
  CHECK_FALSE(contains(svg, "lost"));
  CHECK_FALSE(contains(svg, "nan"));
  CHECK_FALSE(contains(svg, "inf"));
  CHECK(contains(to_svg(Chart{"empty", "x", "y", {}}), "no points"));
}

TEST_CASE("chart: a heat map has a cell for each value that is there") {
  const HeatMap map{
      "kept rank", "layer",    "module",         "0",
      "8",         {"0", "1"}, {"query", "key"}, {{0.5, "4"}, {1, "8"}, {-1, "none"}, {0, "0"}}};
  const std::string svg = to_svg(map);
  for (const char* part : {">4<", ">8<", ">query<", ">layer<", ">module<"}) {
    CHECK(contains(svg, part));
  }
  CHECK_FALSE(contains(svg, "none"));
}

TEST_CASE("word_table: text is aligned by characters, not bytes") {
  const TextTable table{{"name", "a ± b"}, {{"x", "1"}, {"long name", "10 ± 2"}}};
  CHECK(to_text(table) == "name        a ± b\nx               1\nlong name  10 ± 2\n");
  CHECK(to_markdown(table).starts_with("| name      | a ± b  |\n| --- | --- |\n"));
}

TEST_CASE("word_table: columns beyond the width follow in further blocks") {
  const TextTable table{{"a", "bb", "cc", "dd"}, {{"1", "22", "33", "44"}}};
  CHECK(to_text(table, 1, 9) == "a  bb  cc\n1  22  33\n\na  dd\n1  44\n");
  CHECK(to_text(table, 1, 1) == "a  bb\n1  22\n\na  cc\n1  33\n\na  dd\n1  44\n");
  CHECK(to_text({{"only"}, {{"x"}}}) == "only\nx\n");
}

TEST_CASE("word_table: CSV and HTML keep strange words apart from their own marks") {
  const TextTable table{{"a", "b"}, {{"x,\"y\"", "<td>"}}};
  CHECK(to_csv(table) == "a,b\n\"x,\"\"y\"\"\",<td>\n");
  CHECK(contains(to_html(table), ">x,&quot;y&quot;</td><td class=\"right\">&lt;td&gt;</td>"));
}

// SPDX-License-Identifier: Apache-2.0
