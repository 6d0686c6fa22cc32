#include "train/report/threshold_path.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "train/report/chart.h"
#include "train/report/page.h"
#include "train/run/number_text.h"

namespace soragrad::train {

namespace {

using nlohmann::json;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A metric of a split of a record; NaN where it is absent or null.
double metric_of(const json& record, const char* split, const std::string& metric) {
  const auto found = record.find(split);
  if (found == record.end() || !found->is_object()) return kNan;
  const auto value = found->find(metric);
  return value != found->end() && value->is_number() ? value->get<double>() : kNan;
}

double percent_of(double value, double first) {
  return first != 0 ? 100 * value / first : kNan;
}

void mark_front(std::vector<PathPoint>& points) {
  for (PathPoint& point : points) {
    point.on_front = std::isfinite(point.validation);
    for (const PathPoint& other : points) {
      const bool no_worse = other.stored <= point.stored && other.validation >= point.validation;
      const bool better = other.stored < point.stored || other.validation > point.validation;
      if (no_worse && better) point.on_front = false;
    }
  }
}

bool has_test(const ThresholdPath& path) {
  for (const PathPoint& point : path.points) {
    if (!std::isnan(point.test)) return true;
  }
  return false;
}

std::string rounded(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

// A chart's points, with what a reader wants to know of each.
std::vector<ChartPoint> points_of(const ThresholdPath& path, auto x_of, auto y_of) {
  std::vector<ChartPoint> points;
  for (const PathPoint& point : path.points) {
    points.push_back(
        {x_of(point), y_of(point),
         fmt::format("phase {}: xi {:.4g}, {} of {} gates, {} parameters, {:.4g}", point.phase,
                     point.xi, point.kept, point.gates, grouped(point.stored), y_of(point))});
  }
  return points;
}

Chart curves(const ThresholdPath& path, std::string title, std::string x_label, auto x_of) {
  return {std::move(title),
          std::move(x_label),
          fmt::format("{}, % of phase 0", path.metric),
          {{"memorization (training rows)",
            points_of(path, x_of, [](const PathPoint& p) { return p.memorization; })},
           {"generalization (validation)",
            points_of(path, x_of, [](const PathPoint& p) { return p.generalization; })}}};
}

// All phases as points, and a line over those on the front, which leads from few to many.
Chart front_chart(const ThresholdPath& path) {
  const auto stored = [](const PathPoint& p) { return static_cast<double>(p.stored); };
  const auto validation = [](const PathPoint& p) { return p.validation; };
  ThresholdPath front = path;
  std::erase_if(front.points, [](const PathPoint& p) { return !p.on_front; });
  std::ranges::sort(front.points, {}, &PathPoint::stored);
  return {"Pareto front: kept parameters against validation",
          "parameters of the pruned adapter",
          "validation " + path.metric,
          {{"phases", points_of(path, stored, validation), false},
           {"Pareto front", points_of(front, stored, validation)}}};
}

json number_or_null(double value) {
  return std::isfinite(value) ? json(value) : json();
}

json to_json(const ThresholdPath& path) {
  json points = json::array(), front = json::array();
  for (const PathPoint& p : path.points) {
    points.push_back({{"phase", p.phase},
                      {"xi", p.xi},
                      {"last_step", p.last_step},
                      {"gates_kept", p.kept},
                      {"gates", p.gates},
                      {"stored_parameters", p.stored},
                      {"train", number_or_null(p.train)},
                      {"validation", number_or_null(p.validation)},
                      {"test", number_or_null(p.test)},
                      {"memorization", number_or_null(p.memorization)},
                      {"generalization", number_or_null(p.generalization)},
                      {"on_front", p.on_front},
                      {"adapter", fmt::format("phases/phase-{}", p.phase)}});
    if (p.on_front) front.push_back(p.phase);
  }
  return {{"metric", path.metric},
          {"train_rows", path.train_rows},
          {"phases", points},
          {"pareto_front", front}};
}

}  // namespace

ThresholdPath read_path(const json& phases, const std::string& metric) {
  ThresholdPath path{metric, 0, {}};
  try {
    for (const json& record : phases) {
      PathPoint point;
      record.at("phase").get_to(point.phase);
      record.at("xi").get_to(point.xi);
      record.at("last_step").get_to(point.last_step);
      record.at("gates").get_to(point.gates);
      point.kept = point.gates - record.at("gates_zero").get<int64_t>();
      record.at("stored_parameters").get_to(point.stored);
      record.at("train_sample_rows").get_to(path.train_rows);
      point.train = metric_of(record, "train_sample", metric);
      point.validation = metric_of(record, "validation", metric);
      point.test = metric_of(record, "test", metric);
      const PathPoint& first = path.points.empty() ? point : path.points.front();
      point.memorization = percent_of(point.train, first.train);
      point.generalization = percent_of(point.validation, first.validation);
      path.points.push_back(point);
    }
  } catch (const json::exception&) {
    fail("[phases] a record of a phase is damaged: a key is missing or has another type.");
  }
  mark_front(path.points);
  return path;
}

TextTable path_table(const ThresholdPath& path, bool for_people) {
  TextTable table;
  if (!for_people) {
    table.header = {
        "phase", "xi",         "last_step", "gates_kept",   "gates",          "stored_parameters",
        "train", "validation", "test",      "memorization", "generalization", "on_front"};
    for (const PathPoint& p : path.points) {
      const auto field = [](double value) {
        return std::isfinite(value) ? json_number(value) : std::string();
      };
      table.rows.push_back({std::to_string(p.phase), json_number(p.xi), std::to_string(p.last_step),
                            std::to_string(p.kept), std::to_string(p.gates),
                            std::to_string(p.stored), field(p.train), field(p.validation),
                            field(p.test), field(p.memorization), field(p.generalization),
                            p.on_front ? "1" : "0"});
    }
    return table;
  }
  const bool test = has_test(path);
  table.header = {"phase", "xi", "gates", "stored", "train", "valid."};
  if (test) table.header.push_back("test");
  for (const char* name : {"mem. %", "gen. %", "front"}) table.header.push_back(name);
  for (const PathPoint& p : path.points) {
    std::vector<std::string> row{
        std::to_string(p.phase), fmt::format("{:.4g}", p.xi), fmt::format("{}/{}", p.kept, p.gates),
        grouped(p.stored),       rounded(p.train, 4),         rounded(p.validation, 4)};
    if (test) row.push_back(rounded(p.test, 4));
    row.insert(row.end(),
               {rounded(p.memorization, 1), rounded(p.generalization, 1), p.on_front ? "*" : ""});
    table.rows.push_back(row);
  }
  return table;
}

std::string path_text(const ThresholdPath& path) {
  return fmt::format(
      "path of thresholds, scored by {}; mem.: % of phase 0 on\n"
      "{} training rows, gen.: on validation; *: on the Pareto front\n{}",
      path.metric, path.train_rows, to_text(path_table(path, true), 0));
}

std::string path_html(const ThresholdPath& path) {
  std::string body = fmt::format(
      "<p>Each phase raises the threshold xi and trains on. Memorization is the metric ({}) on {} "
      "training rows, generalization the metric on validation, both in percent of phase 0. "
      "Stored: parameters of the adapter once rows and columns of zero gates are dropped. "
      "Front: no phase stores as little and validates better.</p>\n",
      html_escaped(path.metric), path.train_rows);
  body += to_html(path_table(path, true), 0);
  const auto kept = [](const PathPoint& p) {
    return p.gates > 0 ? 100 * static_cast<double>(p.kept) / static_cast<double>(p.gates) : kNan;
  };
  return body + html_grid({to_svg(curves(path, "Memorization and generalization over sparsity",
                                         "gates that are not zero, %", kept)),
                           to_svg(curves(path, "Memorization and generalization over the threshold",
                                         "threshold xi", [](const PathPoint& p) { return p.xi; })),
                           to_svg(front_chart(path))});
}

void write_path(const RunFolder& folder, const ThresholdPath& path, const std::string& title) {
  folder.write_file("path.json", json_text(to_json(path), 1) + "\n");
  folder.write_file("path.csv", to_csv(path_table(path, false)));
  folder.write_file("path.html", html_page(title, path_html(path)));
}

std::function<void(const json&)> path_writer(const RunFolder& folder, const Config& config,
                                             const std::string& metric) {
  const std::string title = fmt::format("{} by {}, seed {}: path of thresholds", config.task,
                                        config.method.method, config.seed);
  return [&folder, metric, title](const json& records) {
    write_path(folder, read_path(records, metric), title);
  };
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
