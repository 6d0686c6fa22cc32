#include "train/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "train/report/text_table.h"

namespace soragrad::train {

namespace {

constexpr double kWidth = 680, kHeight = 400;
constexpr double kLeft = 76, kRight = 20, kTop = 66, kBottom = 58;
constexpr int kTicks = 5;  // about so many an axis

// Okabe and Ito, "Color universal design", 2008: told apart by colour-blind readers as well.
constexpr std::string_view kColors[] = {"#0072b2", "#d55e00", "#009e73",
                                        "#cc79a7", "#e69f00", "#444444"};

struct Axis {
  std::vector<double> ticks;
  double begin, end;  // where the first and the last tick are

  double place(double value) const {
    return begin + (value - ticks.front()) / (ticks.back() - ticks.front()) * (end - begin);
  }
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
      "fill=\"#222\">\n<title>{2}</title>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      width, height, html_escaped(title));
}

// A circle, square, triangle or diamond, by the series' number.
std::string marker(size_t series, double x, double y, const std::string& note) {
  const std::string_view color = kColors[series % std::size(kColors)];
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
    text += fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"#ddd\" fill=\"none\"/>\n",
                        x.begin, y.place(tick), x.end);
    text += anchored(x.begin - 8, y.place(tick) + 4, "end", 12, tick_text(tick, y_step));
  }
  for (const double tick : x.ticks) {
    text += fmt::format("<path d=\"M{:.1f} {:.1f}v5\" stroke=\"#888\" fill=\"none\"/>\n",
                        x.place(tick), y.begin);
    text += anchored(x.place(tick), y.begin + 19, "middle", 12, tick_text(tick, x_step));
  }
  text += fmt::format("<path d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}\" stroke=\"#888\" fill=\"none\"/>\n",
                      x.begin, y.end, y.begin, x.end);
  text += anchored((x.begin + x.end) / 2, kHeight - 14, "middle", 13, chart.x_label);
  return text + anchored(0, 0, "middle", 13, chart.y_label,
                         fmt::format(" transform=\"translate(18 {:.1f}) rotate(-90)\"",
                                     (y.begin + y.end) / 2));
}

std::string draw_series(const ChartSeries& series, size_t number, const Axis& x, const Axis& y) {
  std::string line, markers;
  for (const ChartPoint& point : series.points) {
    if (!finite(point)) continue;
    line += fmt::format("{}{:.1f} {:.1f}", line.empty() ? "M" : "L", x.place(point.x),
                        y.place(point.y));
    if (series.markers) markers += marker(number, x.place(point.x), y.place(point.y), point.note);
  }
  if (series.line && !line.empty()) {
    line = fmt::format("<path d=\"{}\" stroke=\"{}\" stroke-width=\"2\" fill=\"none\"/>\n", line,
                       kColors[number % std::size(kColors)]);
  } else {
    line.clear();
  }
  return line + markers;
}

std::string draw_legend(const Chart& chart) {
  std::string text;
  double x = kLeft;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const ChartSeries& series = chart.series[i];
    if (series.line) {
      text += fmt::format("<path d=\"M{:.1f} 44h24\" stroke=\"{}\" stroke-width=\"2\"/>\n", x,
                          kColors[i % std::size(kColors)]);
    }
    if (series.markers) text += marker(i, x + 12, 44, "");
    text += anchored(x + 30, 48, "start", 12, series.name);
    x += 54 + 6.6 * static_cast<double>(series.name.size());
  }
  return text;
}

// From white to dark blue.
std::string shade(double share) {
  const double s = std::clamp(share, 0.0, 1.0);
  const auto mix = [&](int low, int high) {
    return static_cast<int>(std::lround(low + s * (high - low)));
  };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(0xf4, 0x08), mix(0xf8, 0x45), mix(0xfc, 0x94));
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

std::string to_svg(const Chart& chart) {
  std::vector<double> xs, ys;
  for (const ChartSeries& series : chart.series) {
    for (const ChartPoint& point : series.points) {
      if (!finite(point)) continue;
      xs.push_back(point.x);
      ys.push_back(point.y);
    }
  }
  std::string text = svg_begin(kWidth, kHeight, chart.title);
  text += anchored(kLeft, 22, "start", 15, chart.title, " font-weight=\"bold\"");
  if (xs.empty()) {
    return text + anchored(kWidth / 2, kHeight / 2, "middle", 13, "no points") + "</svg>\n";
  }
  const auto [x_low, x_high] = std::ranges::minmax(xs);
  const auto [y_low, y_high] = std::ranges::minmax(ys);
  const Axis x{ticks_between(x_low, x_high), kLeft, kWidth - kRight};
  const Axis y{ticks_between(y_low, y_high), kHeight - kBottom, kTop};
  text += draw_axes(chart, x, y) + draw_legend(chart);
  for (size_t i = 0; i < chart.series.size(); ++i) text += draw_series(chart.series[i], i, x, y);
  return text + "</svg>\n";
}

std::string to_svg(const HeatMap& map) {
  constexpr double kCellWidth = 84, kCellHeight = 26, kMapLeft = 60, kMapTop = 70;
  const double right = kMapLeft + kCellWidth * static_cast<double>(map.columns.size());
  const double bottom = kMapTop + kCellHeight * static_cast<double>(map.rows.size());
  std::string text = svg_begin(std::max(right + 20, 420.0), bottom + 64, map.title);
  text += anchored(8, 22, "start", 15, map.title, " font-weight=\"bold\"");
  text += anchored((kMapLeft + right) / 2, 44, "middle", 13, map.column_label);
  text += anchored(
      0, 0, "middle", 13, map.row_label,
      fmt::format(" transform=\"translate(16 {:.1f}) rotate(-90)\"", (kMapTop + bottom) / 2));
  for (size_t c = 0; c < map.columns.size(); ++c) {
    const double x = kMapLeft + kCellWidth * (static_cast<double>(c) + 0.5);
    text += anchored(x, kMapTop - 8, "middle", 12, map.columns[c]);
  }
  for (size_t r = 0; r < map.rows.size(); ++r) {
    const double y = kMapTop + kCellHeight * static_cast<double>(r);
    text += anchored(kMapLeft - 8, y + 17, "end", 12, map.rows[r]);
    for (size_t c = 0; c < map.columns.size(); ++c) {
      const HeatCell& cell = map.cells[r * map.columns.size() + c];
      if (cell.share < 0) continue;
      const double x = kMapLeft + kCellWidth * static_cast<double>(c);
      text += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" fill=\"{}\" "
          "stroke=\"#fff\"/>\n",
          x, y, kCellWidth, kCellHeight, shade(cell.share));
      text += anchored(x + kCellWidth / 2, y + 17, "middle", 12, cell.text,
                       cell.share > 0.55 ? " style=\"fill: #fff\"" : "");
    }
  }
  for (int i = 0; i <= 10; ++i) {
    text += fmt::format("<rect x=\"{}\" y=\"{:.1f}\" width=\"16\" height=\"12\" fill=\"{}\"/>\n",
                        kMapLeft + 16 * i, bottom + 20, shade(i / 10.0));
  }
  text += anchored(kMapLeft, bottom + 48, "start", 12, map.low);
  text += anchored(kMapLeft + 176, bottom + 48, "end", 12, map.high);
  return text + "</svg>\n";
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
