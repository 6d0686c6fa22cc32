#include "autograd/ops/waiting.h"

#include <algorithm>
#include <utility>

#include "autograd/deferred.h"

namespace soragrad {
namespace waiting {
namespace {

class Folds {
 public:
  void add(const kernels::FoldDistancesArgs& fold, const Tensors& tensors) {
    if (args_.count + fold.count > kernels::FoldDistancesArgs::kMaxTables || differs(fold)) {
      launch();
    }
    const int before = args_.count;
    const auto tables = std::to_array(args_.tables);
    args_ = fold;  // the sizes
    std::copy_n(tables.begin(), before, args_.tables);
    std::copy_n(fold.tables, fold.count, args_.tables + before);
    args_.count += before;
    kept_.insert(kept_.end(), tensors.begin(), tensors.end());
  }
  void launch() {
    if (args_.count > 0) kernels::fold_distances(Device::cuda, args_);
    forget();
  }
  void forget() {
    args_ = {};
    kept_.clear();
  }

 private:
  bool differs(const kernels::FoldDistancesArgs& fold) const {
    return args_.count > 0 &&
           (args_.distance_row != fold.distance_row || args_.groups != fold.groups ||
            args_.width != fold.width || args_.rows != fold.rows || args_.hidden != fold.hidden);
  }

  kernels::FoldDistancesArgs args_ = {};
  Tensors kept_;
};

class Sums {
 public:
  void add(const SumsPart& part, const Tensors& tensors) {
    if (args_.count == kernels::LowRankSumsArgs::kMaxParts || meets(part)) launch();
    args_.parts[args_.count++] = part;
    kept_.insert(kept_.end(), tensors.begin(), tensors.end());
  }
  void launch() {
    if (args_.count > 0) kernels::low_rank_sums(Device::cuda, args_);
    forget();
  }
  void forget() {
    args_.count = 0;
    kept_.clear();
  }

 private:
  // True if a part that waits adds to the same gradient: a launch has one writer for each.
  bool meets(const SumsPart& part) const {
    return std::any_of(args_.parts, args_.parts + args_.count, [&](const SumsPart& other) {
      return (part.da.data && part.da.data == other.da.data) ||
             (part.db.data && part.db.data == other.db.data) ||
             (part.dgate.data && part.dgate.data == other.dgate.data);
    });
  }

  kernels::LowRankSumsArgs args_ = {};
  Tensors kept_;
};

class Products {
 public:
  Products(Folds& before, Sums& after) : before_(before), after_(after) {}

  void add(const ProductPart& product, const SumsPart& sums, const Tensors& tensors) {
    if (args_.count == kernels::DeltaOperandArgs::kMaxParts || args_.rows != sums.rows) launch();
    args_.rows = sums.rows;
    args_.parts[args_.count++] = product;
    sums_.emplace_back(sums, tensors);
  }
  void launch() {
    before_.launch();
    if (args_.count > 0) kernels::delta_operand(Device::cuda, args_);
    for (const auto& [part, tensors] : sums_) after_.add(part, tensors);
    forget();
  }
  void forget() {
    args_ = {};
    sums_.clear();
  }

 private:
  Folds& before_;
  Sums& after_;
  kernels::DeltaOperandArgs args_ = {};  // backward
  std::vector<std::pair<SumsPart, Tensors>> sums_;
};

struct Lists {
  Folds folds;
  Sums sums;
  Products products{folds, sums};
};

Lists& lists() {
  static thread_local Lists waiting;
  return waiting;
}

}  // namespace

void add_fold(const kernels::FoldDistancesArgs& fold, const Tensors& tensors) {
  lists().folds.add(fold, tensors);
}

void add_product(const ProductPart& product, const SumsPart& sums, const Tensors& tensors) {
  lists().products.add(product, sums, tensors);
}

void add_sums(const SumsPart& part, const Tensors& tensors) {
  lists().sums.add(part, tensors);
}

}  // namespace waiting

namespace detail {

DeferredWork::~DeferredWork() {
  waiting::lists().folds.forget();
  waiting::lists().products.forget();
  waiting::lists().sums.forget();
}

void DeferredWork::finish() {
  waiting::lists().products.launch();
  waiting::lists().sums.launch();
}

}  // namespace detail
}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
