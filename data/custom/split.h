// Which rows of train validate. Rows are drawn within each class, so that both parts have the
// classes in nearly equal shares; the same rows for the same labels and seed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace soragrad::data {

// The rows that validate, in increasing order: round(share * rows) of them, at least 1, and of each
// class within one row of share * (rows of the class), but never all of a class.
// strata: (rows) any number that is equal for rows of a class. Throws if there are not two rows.
std::vector<int64_t> stratified_split(std::span<const int32_t> strata, double share, uint64_t seed);

// The rows of fold `fold` of `folds`, in increasing order. Every row is in exactly one fold; sizes
// of folds, and of each class in them, differ by one row at most.
std::vector<int64_t> stratified_fold(std::span<const int32_t> strata, int64_t folds, int64_t fold,
                                     uint64_t seed);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
