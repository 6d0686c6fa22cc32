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

// Bucket of a distance; the distance itself where buckets is below 1. Evaluated in float like the
// reference, so that ceil() falls the same way.
int64_t relative_bucket(int64_t distance, int64_t buckets, int64_t max_distance);

// The rows that sequences of at most max_length tokens use: a contiguous part of the table.
struct RelativeRows {
  int64_t begin = 0, end = 0;         // rows [begin, end) of the table (2 span rows)
  std::vector<int32_t> distance_row;  // (2 max_length - 1): row - begin of distance
                                      // d in (-max_length, max_length), at d + max_length - 1
};
// Fails where a distance lies beyond mid and max_distance - 1 does not: the logarithm's base is 1
// or less there.
RelativeRows relative_rows(int64_t max_length, int64_t buckets, int64_t max_distance);
// Room for the rows of any sequence of at most max_length tokens: what relative_rows() would give,
// or the whole table where that fails.
int64_t relative_row_count(int64_t max_length, int64_t buckets, int64_t max_distance);
// The same rows with distances up to max_length, as far as `rows` holds them; those beyond read its
// first or last row.
std::vector<int32_t> widened(const RelativeRows& rows, int64_t max_length);

}  // namespace soragrad::models
