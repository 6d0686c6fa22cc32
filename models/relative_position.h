// Relative positions of DeBERTaV3: the row of the position table for each distance query - key.
// Near distances have rows of their own, far ones share rows in logarithmic buckets (He et al.,
// "DeBERTaV3", 2021; make_log_bucket_position of transformers 4.46):
//   bucket(d) = d                                                             for |d| <= mid
//   bucket(d) = sign(d) (ceil(ln(|d| / mid) / ln((max_distance - 1) / mid) (mid - 1)) + mid)
// with mid = buckets / 2. Row = bucket + span, cut to [0, 2 span).
#pragma once

#include <cstdint>
#include <vector>

namespace soragrad::models {

// Bucket of a distance query - key; the distance itself if buckets is below 1. Computed in float as
// the reference does, so that ceil() rounds the same way.
int64_t relative_bucket(int64_t distance, int64_t buckets, int64_t max_distance);

// The rows of the table that sequences of at most max_length tokens read. They are contiguous.
struct RelativeRows {
  int64_t begin = 0, end = 0;         // rows [begin, end) of the table (2 span rows)
  std::vector<int32_t> distance_row;  // (2 max_length - 1): row - begin of distance
                                      // d in (-max_length, max_length), at d + max_length - 1
};
// Throws if max_length is below 1, or if a distance is beyond mid and max_distance - 1 is not: the
// base of the logarithm is then 1 or less, and the bucket is not defined.
RelativeRows relative_rows(int64_t max_length, int64_t buckets, int64_t max_distance);
// The number of rows that any sequence of at most max_length tokens can read: that of
// relative_rows(), or the whole table if it is not defined for this length.
int64_t relative_row_count(int64_t max_length, int64_t buckets, int64_t max_distance);
// distance_row of the same rows for a larger max_length, (2 max_length - 1). Distances beyond those
// of `rows` read its first or last row; no real token has such a distance.
std::vector<int32_t> widened(const RelativeRows& rows, int64_t max_length);

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
