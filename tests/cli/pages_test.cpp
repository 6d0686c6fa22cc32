// Pages of all kinds in a real browser: the script runs, the console stays empty, and every number
// that is marked by data-key is the one of results.json or evaluation.json. SKIPPED without
// Chromium.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <regex>

#include "cli/pretrain.h"
#include "cli/report.h"
#include "cli/train.h"
#include "core/error.h"
#include "tests/train/tiny_run.h"

using namespace soragrad;
using soragrad::test::contains;
using soragrad::test::read_text;
using soragrad::test::TinyFolder;

namespace {

void ignore(std::string_view) {}

std::string browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (::system(fmt::format("command -v {} >/dev/null 2>&1", name).c_str()) == 0) return name;
  }
  return "";
}

struct OpenedPage {
  std::string dom, console;
};

// The page after its script ran, and the lines of the console.
OpenedPage open_page(const TinyFolder& folder, const std::string& page) {
  const std::string dom = folder / "dom.html", log = folder / "browser.log";
  const std::string command = fmt::format(
      "{} --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir='{}' "
      "--enable-logging=stderr --virtual-time-budget=2000 --dump-dom 'file://{}' >'{}' 2>'{}'",
      browser(), (folder / "profile").string(), page, dom, log);
  REQUIRE(::system(command.c_str()) == 0);
  std::string console, line;
  for (std::ifstream file(log); std::getline(file, line);) {
    if (contains(line, "CONSOLE")) console += line + "\n";
  }
  return {read_text(dom), console};
}

// The number in a text such as "1,234", "0.8123", "12.3 MiB", and half of its last place.
std::pair<double, double> number_in(std::string text) {
  std::erase(text, ',');
  double unit = 1;
  for (const auto& [name, size] : {std::pair{" KiB", 0x1p10}, {" MiB", 0x1p20}, {" GiB", 0x1p30}}) {
    if (const size_t at = text.find(name); at != text.npos) {
      text.resize(at);
      unit = size;
    }
  }
  size_t used = 0;
  const double value = std::stod(text, &used);
  REQUIRE(used == text.size());
  const size_t exponent_at = std::min(text.find('e'), text.size());
  const size_t point = text.find('.');
  double place =
      point < exponent_at ? std::pow(10.0, -static_cast<double>(exponent_at - point - 1)) : 1;
  if (exponent_at < text.size()) place *= std::pow(10.0, std::stod(text.substr(exponent_at + 1)));
  return {value * unit, 0.5000001 * place * unit};
}

bool shows(const std::string& text, const nlohmann::json& value) {
  if (value.is_null()) return text == "undefined";
  if (value.is_string()) return text == value.get_ref<const std::string&>();
  const auto [number, tolerance] = number_in(text);
  return std::abs(number - value.get<double>()) <= tolerance;
}

// Compares all marked numbers with the files of the runs, and returns how many there were.
int64_t check_numbers(const std::string& dom, const std::vector<std::string>& runs) {
  std::vector<nlohmann::json> files;
  for (const std::string& run : runs) {
    files.push_back(nlohmann::json::parse(read_text(run + "/results.json")));
    if (!std::filesystem::exists(run + "/evaluation.json")) continue;  // of pre-training
    const auto evaluation = nlohmann::json::parse(read_text(run + "/evaluation.json"));
    files.back()["evaluation"] = evaluation["splits"];
  }
  const std::regex marked("data-key=\"([0-9]+)(/[^\"]*)\">([^<]*)<");
  int64_t count = 0;
  for (std::sregex_iterator match(dom.begin(), dom.end(), marked), end; match != end; ++match) {
    CAPTURE(match->str());
    const nlohmann::json& file = files.at(std::stoul((*match)[1]));
    const nlohmann::json::json_pointer path((*match)[2].str());
    REQUIRE(file.contains(path));
    CHECK(shows((*match)[3], file.at(path)));
    ++count;
  }
  return count;
}

void check_page(const TinyFolder& tiny, const std::vector<std::string>& runs, int64_t least) {
  const std::string page = tiny.run("page.html");
  REQUIRE(cli::report_main({runs, page}, ignore) == 0);
  const OpenedPage opened = open_page(tiny, page);
  CHECK(opened.console == "");
  CHECK(contains(opened.dom, "class=\"scripted\""));
  CHECK(check_numbers(opened.dom, runs) >= least);
}

std::string trained(const TinyFolder& tiny, const std::string& name,
                    std::vector<std::string> arguments) {
  REQUIRE(cli::train_run(tiny.config(name, std::move(arguments)), ignore) == 0);
  CHECK(std::filesystem::exists(tiny.run(name + "/report.html")));
  return tiny.run(name);
}

bool has_browser() {
  if (!browser().empty()) return true;
  std::cout << "SKIPPED: there is no Chromium here\n";
  return false;
}

void write_scores(const TinyFolder& tiny) {
  for (const char* name : {"STS-B/train.tsv", "STS-B/dev.tsv"}) {
    std::string file =
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n";
    for (int i = 0; i < 24; ++i) {
      file += fmt::format("{}\tx\tx\tx\tx\tx\tx\ta cat\tthe {}\t{:.3f}\n", i,
                          i % 2 == 0 ? "cat" : "old dog", 5.0 * (i % 6) / 5);
    }
    tiny.write(name, file);
  }
}

// Own data: three classes in a csv file, and several labels a row in a jsonl file.
void write_own_data(const TinyFolder& tiny) {
  std::string csv = "text,label\n", jsonl;
  const char* texts[] = {"a cat", "the old dog", "bird runs"};
  const char* labels[] = {"<b>cat</b>", "dog & co", "bird"};
  for (int i = 0; i < 60; ++i) {
    csv += fmt::format("{},{}\n", texts[i % 3], labels[i % 3]);
    jsonl += fmt::format("{{\"text\": \"{}\", \"labels\": [{}]}}\n", texts[i % 3],
                         i % 3 == 0   ? "\"x\", \"y\""
                         : i % 3 == 1 ? "\"y\""
                                      : "");
  }
  tiny.write("own/train.csv", csv);
  tiny.write("several/train.jsonl", jsonl);
}

}  // namespace

TEST_CASE("pages: an error on the console would be seen") {
  if (!has_browser()) return;
  const TinyFolder tiny;
  const std::string page = tiny.write("bad.html", "<!doctype html><script>nothing.at.all</script>");
  CHECK(contains(open_page(tiny, page).console, "nothing is not defined"));
}

TEST_CASE("pages: one run") {
  if (!has_browser()) return;
  const TinyFolder tiny;
  const std::string test_file = "test_file=" + tiny.run("CoLA/dev.tsv");
  const std::string run = trained(tiny, "run", {"xi=1", test_file});
  check_page(tiny, {run}, 35);
}

TEST_CASE("pages: five runs side by side") {
  if (!has_browser()) return;
  const TinyFolder tiny;
  std::vector<std::string> runs;
  for (int seed = 1; seed <= 5; ++seed) {
    runs.push_back(trained(tiny, fmt::format("seed-{}", seed),
                           {fmt::format("seed={}", seed), "xi=1", "num_train_epochs=1"}));
  }
  check_page(tiny, runs, 100);
}

TEST_CASE("pages: regression") {
  if (!has_browser()) return;
  const TinyFolder tiny;
  write_scores(tiny);
  check_page(tiny, {trained(tiny, "run", {"task=stsb"})}, 20);
}

TEST_CASE("pages: own data of three classes, and of several labels a row") {
  if (!has_browser()) return;
  const TinyFolder tiny;
  write_own_data(tiny);
  const std::string own = trained(tiny, "own-run", {"task=custom", "data=" + tiny.run("own")});
  const std::string several =
      trained(tiny, "several-run", {"task=custom", "data=" + tiny.run("several")});
  check_page(tiny, {own}, 40);
  CHECK(contains(read_text(tiny.run("own-run/report.html")),
                 "both parts have the same mix of labels"));
  CHECK_FALSE(contains(read_text(tiny.run("own-run/report.html")), "<b>cat</b>"));
  check_page(tiny, {several}, 30);
}

TEST_CASE("pages: a path of thresholds") {
  if (!has_browser()) return;
  const TinyFolder tiny;
  const std::string run = trained(
      tiny, "run", {"schedule=linear", "xi=0.5", "xi_max=3", "xi_steps=3", "phase_epochs=1"});
  check_page(tiny, {run}, 25);
}

TEST_CASE("pages: pre-training") {
  if (!has_browser()) return;
  const TinyFolder tiny;
  std::string text;
  for (int i = 0; i < 200; ++i) text += "the old dog sees a cat\nthe bird runs\n\n";
  cli::TrainOptions options;
  options.arguments = {"model=" + tiny.run("model"),
                       "corpus=" + tiny.write("corpus.txt", text),
                       "output=" + tiny.run("run"),
                       "max_steps=6",
                       "max_seq_length=16",
                       "logging_steps=1",
                       "device=cpu"};
  REQUIRE(cli::pretrain_main(options) == 0);
  CHECK(std::filesystem::exists(tiny.run("run/report.html")));
  check_page(tiny, {tiny.run("run")}, 8);
}

TEST_CASE("pages: adalora, and a method without gates") {
  if (!has_browser()) return;
  const TinyFolder tiny;
  const std::string adalora =
      trained(tiny, "adalora", {"method=adalora", "init_r=4", "target_r=2"});
  const std::string bitfit = trained(tiny, "bitfit", {"method=bitfit"});
  check_page(tiny, {adalora}, 25);
  check_page(tiny, {adalora, bitfit}, 45);
}

// SPDX-License-Identifier: Apache-2.0
