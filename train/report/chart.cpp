#include "train/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "core/text.h"
#include "train/report/page.h"

namespace soragrad::train {

namespace {

constexpr double kLeft = 76, kRight = 20, kTop = 66, kBottom = 58;
constexpr int kTicks = 5;           // about so many an axis
constexpr double kCharacter = 6.6;  // width of a character of a legend
constexpr double kLegendTop = 44, kLegendLine = 20;
constexpr size_t kLegendCharacters = 40;

// Okabe and Ito, "Color universal design", 2008: told apart by colour-blind readers as well.
constexpr std::string_view kColors[] = {"var(--s0,#0072b2)", "var(--s1,#d55e00)",
                                        "var(--s2,#009e73)", "var(--s3,#cc79a7)",
                                        "var(--s4,#e69f00)", "var(--s5,#444444)"};
constexpr std::string_view kInk = "var(--ink,#222)", kPaper = "var(--paper,#fff)",
                           kGrid = "var(--line,#ddd)", kAxis = "var(--muted,#888)",
                           kShade = "var(--heat,#084594)", kOnShade = "var(--on-heat,#fff)";

std::string_view color_of(size_t series) {
  return kColors[series % std::size(kColors)];
}

struct Axis {
  std::vector<double> ticks;
  double begin, end;  // where the first and the last tick are
  bool is_log = false;

  double place(double value) const {
    const double first = scaled(ticks.front()), last = scaled(ticks.back());
    return begin + (scaled(value) - first) / (last - first) * (end - begin);
  }
  double scaled(double value) const { return is_log ? std::log10(value) : value; }
};

// As short as the step between the ticks allows; thousands and millions as k and M.
std::string tick_text(double value, double step) {
  for (const auto& [unit, letter] : {std::pair{1e6, "M"}, {1e3, "k"}}) {
    if (step < unit / 100 || std::abs(value) < unit) continue;
    return fmt::format("{:.10g}{}", value / unit, letter);
  }
  return fmt::format("{:.10g}", std::abs(value) < step / 1000 ? 0 : value);
}

std::string anchored(double x, double y, const char* anchor, int size, std::string_view text,
                     std::string_view more = "") {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\"{}>{}</text>\n", x, y,
      anchor, size, more, html_escaped(text));
}

std::string svg_begin(double width, double height, std::string_view title) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" font-family=\"system-ui, sans-serif\" "
      "fill=\"{3}\">\n<title>{2}</title>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"{4}\"/>\n",
      width, height, html_escaped(title), kInk, kPaper);
}

// A circle, square, triangle or diamond, by the series' number.
std::string marker(size_t series, double x, double y, const std::string& note) {
  const std::string_view color = color_of(series);
  const std::string title = note.empty() ? "" : "<title>" + html_escaped(note) + "</title>";
  const auto path = [&](const char* shape) {
    return fmt::format(
        "<path transform=\"translate({:.1f} {:.1f})\" d=\"{}\" fill=\"{}\">{}</path>\n", x, y,
        shape, color, title);
  };
  switch (series % 4) {
    case 1:
      return path("M-4.5-4.5h9v9h-9z");
    case 2:
      return path("M0-6l5.5 10h-11z");
    case 3:
      return path("M0-6l6 6l-6 6l-6-6z");
    default:
      return path("M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z");
  }
}

bool finite(const ChartPoint& point) {
  return std::isfinite(point.x) && std::isfinite(point.y);
}

std::string draw_axes(const Chart& chart, const Axis& x, const Axis& y) {
  std::string text;
  const double x_step = x.ticks[1] - x.ticks[0], y_step = y.ticks[1] - y.ticks[0];
  for (const double tick : y.ticks) {
    text += fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"{}\" fill=\"none\"/>\n",
                        x.begin, y.place(tick), x.end, kGrid);
    text += anchored(x.begin - 8, y.place(tick) + 4, "end", 12, tick_text(tick, y_step));
  }
  for (const double tick : x.ticks) {
    text += fmt::format("<path d=\"M{:.1f} {:.1f}v5\" stroke=\"{}\" fill=\"none\"/>\n",
                        x.place(tick), y.begin, kAxis);
    text += anchored(x.place(tick), y.begin + 19, "middle", 12,
                     tick_text(tick, x.is_log ? tick : x_step));
  }
  text += fmt::format("<path d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}\" stroke=\"{}\" fill=\"none\"/>\n",
                      x.begin, y.end, y.begin, x.end, kAxis);
  text += anchored((x.begin + x.end) / 2, chart.height - 14, "middle", 13, chart.x_label);
  return text + anchored(0, 0, "middle", 13, chart.y_label,
                         fmt::format(" transform=\"translate(18 {:.1f}) rotate(-90)\"",
                                     (y.begin + y.end) / 2));
}

std::string draw_bars(const ChartSeries& series, size_t number, const Axis& x, const Axis& y) {
  std::string text;
  for (const ChartPoint& point : series.points) {
    if (!finite(point)) continue;
    const double left = x.place(point.x - series.bar_width / 2);
    const double right = x.place(point.x + series.bar_width / 2);
    const double top = y.place(std::max(point.y, 0.0)), bottom = y.place(std::min(point.y, 0.0));
    text += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\" "
        "fill-opacity=\".7\"><title>{}</title></rect>\n",
        left + 0.5, top, std::max(right - left - 1, 0.5), bottom - top, color_of(number),
        html_escaped(point.note));
  }
  return text;
}

// The line; data-x and data-y are the values at its corners, for the page's script.
std::string draw_line(const ChartSeries& series, size_t number, const Axis& x, const Axis& y) {
  std::string path, xs, ys;
  for (const ChartPoint& point : series.points) {
    if (!finite(point)) continue;
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x.place(point.x),
                        y.place(point.y));
    xs += fmt::format("{}{:.6g}", xs.empty() ? "" : " ", point.x);
    ys += fmt::format("{}{:.5g}", ys.empty() ? "" : " ", point.y);
  }
  if (path.empty()) return "";
  return fmt::format(
      "<path class=\"line\" d=\"{}\" stroke=\"{}\" stroke-width=\"{}\" fill=\"none\"{} "
      "data-name=\"{}\" data-x=\"{}\" data-y=\"{}\"/>\n",
      path, series.dashed ? kAxis : color_of(number), series.dashed ? "1.5" : "2",
      series.dashed ? " stroke-dasharray=\"6 4\"" : "", html_escaped(series.name), xs, ys);
}

std::string draw_series(const ChartSeries& series, size_t number, const Axis& x, const Axis& y) {
  if (series.bar_width > 0) return draw_bars(series, number, x, y);
  std::string text = series.line ? draw_line(series, number, x, y) : "";
  for (const ChartPoint& point : series.points) {
    if (!series.markers || !finite(point)) continue;
    text += marker(number, x.place(point.x), y.place(point.y), point.note);
  }
  return text;
}

// Where the names of the series are: beside one another, in as many lines as it takes.
struct Legend {
  struct Entry {
    size_t series = 0;
    double x = 0, y = 0;
    std::string name;
  };
  std::vector<Entry> entries;
  double bottom = kLegendTop;
};

Legend place_legend(const Chart& chart) {
  Legend legend;
  double x = kLeft;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    if (chart.series[i].name.empty()) continue;
    std::string name = shown(chart.series[i].name, kLegendCharacters);
    const double width = 46 + kCharacter * static_cast<double>(name.size());
    if (x > kLeft && x + width > chart.width) {
      x = kLeft;
      legend.bottom += kLegendLine;
    }
    legend.entries.push_back({i, x, legend.bottom, std::move(name)});
    x += width;
  }
  return legend;
}

std::string draw_legend(const Chart& chart, const Legend& legend) {
  std::string text;
  for (const auto& [i, x, y, name] : legend.entries) {
    const ChartSeries& series = chart.series[i];
    if (series.bar_width > 0) {
      text += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"24\" height=\"12\" fill=\"{}\" "
          "fill-opacity=\".7\"/>\n",
          x, y - 6, color_of(i));
    } else if (series.line) {
      text += fmt::format("<path d=\"M{:.1f} {:.1f}h24\" stroke=\"{}\" stroke-width=\"2\"{}/>\n", x,
                          y, series.dashed ? kAxis : color_of(i),
                          series.dashed ? " stroke-dasharray=\"6 4\"" : "");
    }
    if (series.markers && series.bar_width == 0) text += marker(i, x + 12, y, "");
    text += anchored(x + 30, y + 4, "start", 12, name);
  }
  return text;
}

// Fills of a cell: the page's paper shows through a small share.
std::string shade(double share) {
  return fmt::format("fill=\"{}\" fill-opacity=\"{:.2f}\"", kShade,
                     0.04 + 0.92 * std::clamp(share, 0.0, 1.0));
}

// Width of the widest of some names in characters of the given width.
double width_of(const std::vector<std::string>& names, double character) {
  size_t most = 0;
  for (const std::string& name : names) most = std::max(most, name.size());
  return character * static_cast<double>(most);
}

}  // namespace

std::vector<double> ticks_between(double low, double high) {
  // Numbers that differ by rounding alone are one: no step could tell them apart.
  if (high - low <= 1e-9 * std::max(std::abs(low), std::abs(high))) {
    const double room = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= room / 2;
    high += room / 2;
  }
  const double raw = (high - low) / kTicks;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double step = power * (raw < 1.5 * power ? 1
                               : raw < 3 * power ? 2
                               : raw < 7 * power ? 5
                                                 : 10);
  const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
  std::vector<double> ticks;
  for (double i = first; i <= last; ++i) ticks.push_back(i * step);
  return ticks;
}

std::vector<double> powers_between(double low, double high) {
  const double first = std::floor(std::log10(low) + 1e-9);
  const double last = std::max(first + 1, std::ceil(std::log10(high) - 1e-9));
  std::vector<double> ticks;
  for (double power = first; power <= last; ++power) ticks.push_back(std::pow(10.0, power));
  return ticks;
}

std::string to_svg(const Chart& chart) {
  std::vector<double> xs, ys;
  for (const ChartSeries& series : chart.series) {
    for (const ChartPoint& point : series.points) {
      if (!finite(point)) continue;
      xs.push_back(point.x - series.bar_width / 2);
      xs.push_back(point.x + series.bar_width / 2);
      ys.push_back(point.y);
      if (series.bar_width > 0) ys.push_back(0);
    }
  }
  std::string text = svg_begin(chart.width, chart.height, chart.title);
  text += anchored(kLeft, 22, "start", 15, chart.title, " font-weight=\"600\"");
  if (xs.empty()) {
    return text + anchored(chart.width / 2, chart.height / 2, "middle", 13, "no points") +
           "</svg>\n";
  }
  if (chart.from_zero) ys.push_back(0);
  const auto [x_low, x_high] = std::ranges::minmax(xs);
  const auto [y_low, y_high] = std::ranges::minmax(ys);
  const bool is_log = chart.log_x && x_low > 0;
  const Axis x{is_log ? powers_between(x_low, x_high) : ticks_between(x_low, x_high), kLeft,
               chart.width - kRight, is_log};
  const Legend legend = place_legend(chart);
  const double top = kTop + legend.bottom - kLegendTop;
  const Axis y{ticks_between(y_low, y_high), chart.height - kBottom, top};
  text += draw_axes(chart, x, y) + draw_legend(chart, legend);
  for (size_t i = 0; i < chart.series.size(); ++i) text += draw_series(chart.series[i], i, x, y);
  return text + "</svg>\n";
}

std::string to_svg(const HeatMap& map) {
  constexpr double kCellHeight = 26, kMapTop = 70;
  const double left = 44 + std::max(width_of(map.rows, 7), 16.0);
  double cell_width = std::max(width_of(map.columns, 7) + 12, 44.0);
  for (const HeatCell& cell : map.cells) {
    cell_width = std::max(cell_width, 7.0 * static_cast<double>(cell.text.size()) + 12);
  }
  const double right = left + cell_width * static_cast<double>(map.columns.size());
  const double bottom = kMapTop + kCellHeight * static_cast<double>(map.rows.size());
  std::string text = svg_begin(std::max(right + 20, 420.0), bottom + 64, map.title);
  text += anchored(8, 22, "start", 15, map.title, " font-weight=\"600\"");
  text += anchored((left + right) / 2, 44, "middle", 13, map.column_label);
  text += anchored(
      0, 0, "middle", 13, map.row_label,
      fmt::format(" transform=\"translate(16 {:.1f}) rotate(-90)\"", (kMapTop + bottom) / 2));
  for (size_t c = 0; c < map.columns.size(); ++c) {
    const double x = left + cell_width * (static_cast<double>(c) + 0.5);
    text += anchored(x, kMapTop - 8, "middle", 12, map.columns[c]);
  }
  for (size_t r = 0; r < map.rows.size(); ++r) {
    const double y = kMapTop + kCellHeight * static_cast<double>(r);
    text += anchored(left - 8, y + 17, "end", 12, map.rows[r]);
    for (size_t c = 0; c < map.columns.size(); ++c) {
      const HeatCell& cell = map.cells[r * map.columns.size() + c];
      if (cell.share < 0) continue;
      const double x = left + cell_width * static_cast<double>(c);
      text += fmt::format(
          "<rect class=\"cell\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
          "{}/>\n",
          x + 1, y + 1, cell_width - 2, kCellHeight - 2, shade(cell.share));
      text += anchored(x + cell_width / 2, y + 17, "middle", 12, cell.text,
                       cell.share > 0.55 ? fmt::format(" style=\"fill:{}\"", kOnShade) : "");
    }
  }
  for (int i = 0; i <= 10; ++i) {
    text += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"16\" height=\"12\" {}/>\n",
                        left + 16 * i, bottom + 20, shade(i / 10.0));
  }
  text += anchored(left, bottom + 48, "start", 12, map.low);
  text += anchored(left + 176, bottom + 48, "end", 12, map.high);
  return text + "</svg>\n";
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
