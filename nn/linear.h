// Linear: y = x weight^T + bias, with a place for a delta: what a fine-tuning method adds to it.
#pragma once

#include <memory>
#include <string>

#include "core/packed_matrix.h"
#include "nn/module.h"

namespace soragrad::nn {

class Linear : public Module {
 public:
  // What a method attaches: y (moved in) -> its replacement, wherever the Linear runs (DeBERTa runs
  // query_proj and key_proj on the relative embeddings too). Its parameters register under the
  // Linear's path.
  class Delta {
   public:
    virtual ~Delta() = default;
    virtual Variable forward(const Variable& x, Variable y, const Pass& pass) = 0;
  };

  Linear(Module* parent, std::string name, int64_t in, int64_t out);

  // x (rows, in) -> (rows, out). A frozen weight is packed once for the GEMM library, one that
  // trains at every use.
  Variable forward(const Variable& x, const Pass& pass);

  int64_t in() const { return in_; }
  int64_t out() const { return out_; }
  void attach(std::unique_ptr<Delta> delta);  // replaces the one before; null detaches
  Delta* delta() const { return delta_.get(); }
  // Of the products with the weight, forward and for dx; the weight's own gradient and the delta
  // are computed in fp32. fp32 unless set.
  void set_precision(Precision precision) { precision_ = precision; }

  Parameter weight;  // (out, in)
  Parameter bias;    // (out)

 private:
  std::shared_ptr<PackedMatrix> packed();

  int64_t in_, out_;
  std::unique_ptr<Delta> delta_;
  Precision precision_ = Precision::fp32;
  std::shared_ptr<PackedMatrix> packed_;
};

}  // namespace soragrad::nn
