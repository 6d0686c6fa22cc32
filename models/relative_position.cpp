#include "models/relative_position.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/error.h"

namespace soragrad::models {

int64_t relative_bucket(int64_t distance, int64_t buckets, int64_t max_distance) {
  const int64_t mid = buckets / 2, size = std::abs(distance);
  if (buckets < 1 || size <= mid) return distance;
  const auto middle = static_cast<float>(mid);
  const float base = std::log(static_cast<float>(max_distance - 1) / middle);
  const float far =
      std::ceil(std::log(static_cast<float>(size) / middle) / base * static_cast<float>(mid - 1));
  const int64_t bucket = static_cast<int64_t>(far) + mid;
  return distance < 0 ? -bucket : bucket;
}

namespace {

bool is_defined(int64_t max_length, int64_t buckets, int64_t max_distance) {
  const int64_t mid = buckets / 2;
  return buckets < 1 || max_length <= mid + 1 || max_distance - 1 > mid;
}

}  // namespace

RelativeRows relative_rows(int64_t max_length, int64_t buckets, int64_t max_distance) {
  require(max_length >= 1, "[relative_rows] sequences of {} tokens; at least 1 is needed.",
          max_length);
  require(is_defined(max_length, buckets, max_distance),
          "[relative_rows] a sequence of {} tokens; position_buckets {} and max_relative_positions "
          "{} are defined up to {} tokens: truncate it.",
          max_length, buckets, max_distance, buckets / 2 + 1);
  const int64_t span = buckets > 0 ? buckets : max_distance;
  const auto row = [&](int64_t distance) {
    const int64_t bucket = relative_bucket(distance, buckets, max_distance);
    return std::clamp<int64_t>(bucket + span, 0, 2 * span - 1);
  };
  RelativeRows rows;
  rows.begin = row(1 - max_length);
  rows.end = row(max_length - 1) + 1;
  rows.distance_row.reserve(static_cast<size_t>(2 * max_length - 1));
  for (int64_t distance = 1 - max_length; distance < max_length; ++distance) {
    rows.distance_row.push_back(static_cast<int32_t>(row(distance) - rows.begin));
  }
  return rows;
}

int64_t relative_row_count(int64_t max_length, int64_t buckets, int64_t max_distance) {
  if (!is_defined(max_length, buckets, max_distance)) return 2 * buckets;
  const RelativeRows rows = relative_rows(max_length, buckets, max_distance);
  return rows.end - rows.begin;
}

std::vector<int32_t> widened(const RelativeRows& rows, int64_t max_length) {
  const int64_t width = static_cast<int64_t>(rows.distance_row.size());
  const int64_t beyond = max_length - (width + 1) / 2;  // distances, on either side
  std::vector<int32_t> result(static_cast<size_t>(beyond), rows.distance_row.front());
  result.insert(result.end(), rows.distance_row.begin(), rows.distance_row.end());
  result.insert(result.end(), static_cast<size_t>(beyond), rows.distance_row.back());
  return result;
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
