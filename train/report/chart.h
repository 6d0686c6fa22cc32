// Pictures as SVG text that a page holds inline: points over two axes, and heat maps. Colours are
// CSS variables of the page (page.h) with those of a light page as fallback, so that a picture
// follows the page into the dark and stays readable without it.
#pragma once

#include <string>
#include <vector>

namespace soragrad::train {

struct ChartPoint {
  double x = 0, y = 0;
  std::string note;  // shown by the pointer
};

struct ChartSeries {
  std::string name;  // in the legend; empty: not there
  std::vector<ChartPoint> points;
  bool line = true;      // joins the points in their order
  bool markers = true;   // each series has a shape of its own
  bool dashed = false;   // a line that is no measurement: a threshold, a diagonal
  double bar_width = 0;  // above 0: bars from y = 0, so wide on the x axis, and nothing else
};

constexpr double kSmallWidth = 560, kSmallHeight = 320;  // of a chart beside others, in pixels

struct Chart {
  std::string title, x_label, y_label;  // labels hold the unit
  std::vector<ChartSeries> series;      // up to 6 are told apart by colour and shape
  double width = 680, height = 400;     // in pixels; a page shrinks what is too wide
  bool from_zero = false;               // the y axis begins at 0 or below
  bool log_x = false;                   // powers of ten are equally far apart; if all x are above 0
};

// Points that are not finite are left out; a chart without points says so.
std::string to_svg(const Chart& chart);

struct HeatCell {
  double share = 0;  // 0 to 1: the shade; below 0: an empty cell
  std::string text;
};

struct HeatMap {
  std::string title, row_label, column_label;
  std::string low, high;  // what shares 0 and 1 are, for the legend
  std::vector<std::string> rows, columns;
  std::vector<HeatCell> cells;  // rows x columns
};

std::string to_svg(const HeatMap& map);

// Values at even, round steps that hold low and high between the first and the last; low <= high.
std::vector<double> ticks_between(double low, double high);
// Powers of ten that do; 0 < low <= high.
std::vector<double> powers_between(double low, double high);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
