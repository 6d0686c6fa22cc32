// The operand's kernel. A block of 6 warps owns 4 rows of a part and makes the narrow product of
// the delta (low_rank.cuh). The pieces of the rows that it loads for the first group of ranks go
// rounded into the operand on the way, after dropout if there is one; its first 32 threads then
// have a (row, rank) each, which they split and write. Blocks of different parts and equal rows
// follow one another, so that x is read once from memory. Further blocks write the weights' border,
// an element of the factor a thread. No sum crosses blocks.
#include "core/kernels/linear/delta_product.h"

#include "core/kernels/cuda.cuh"
#include "core/kernels/linear/cublas.cuh"
#include "core/kernels/linear/delta_operand.cuh"
#include "core/kernels/linear/low_rank.cuh"

namespace soragrad::kernels {
namespace {

__global__ void delta_weight_kernel(DeltaWeightArgs args) {
  const int64_t i = global_thread(), row = i / args.columns, column = i % args.columns;
  if (row >= args.rows) return;
  args.packed[row * args.pitch + column] = to_bfloat16(static_cast<float>(args.weight[i]));
}

template <bool kForward, bool kAligned, bool kDrops>
__global__ void __launch_bounds__(kWarps* kWarp, kAligned ? 3 : 2)
    delta_operand_kernel(DeltaOperandArgs args) {
  __shared__ WarpSums of_warp;
  const unsigned count = static_cast<unsigned>(args.count), block = blockIdx.x / count;
  const DeltaPart& part = args.parts[blockIdx.x % count];
  const LowRankDelta& delta = part.delta;
  const int64_t begin = static_cast<int64_t>(block) * kRows;
  const auto row_blocks = static_cast<unsigned>((args.rows + kRows - 1) / kRows);
  const int thread = static_cast<int>(threadIdx.x);
  if (block >= row_blocks) return write_borders<kForward>(args, blockIdx.x - row_blocks * count);
  const NarrowProduct product{.x = part.x,
                              .factor = narrow_factor<kForward>(part),
                              .rows = args.rows,
                              .in = narrow_width<kForward>(delta)};
  RandomStream stream = kDrops ? resolved(args.stream) : RandomStream();
  stream.site = part.site;
  for (int first = 0; first < delta.rank; first += kRanks) {
    // The first group of ranks writes what it loads.
    bfloat16* copy = first == 0 ? part.copy : nullptr;
    real* kept = first == 0 ? part.dropped : nullptr;
    const auto take = [&](int row, int column, Four four) {
      const int64_t place = (begin + row) * product.in + column;
      if (kDrops) {
        four = dropped(four, stream, static_cast<uint64_t>(place), args.drop_threshold,
                       args.keep_scale);
        if (kept) store_fours<kAligned>(kept + place, product.in - column, four);
      }
      if (copy) store_rounded(copy + (begin + row) * args.pitch + column, four);
      return four;
    };
    const real sum =
        narrow_product<Lies::by_rank, kAligned>(delta, product, begin, first, of_warp, take);
    const int64_t row = begin + thread / kRanks, k = first + thread % kRanks;
    if (thread < kRows * kRanks && row < args.rows && k < delta.rank) {
      write_narrow(args, part, row, k, sum);
    }
    __syncthreads();
  }
}

template <bool kForward>
void launch_operand(const DeltaOperandArgs& args) {
  bool aligned = factors_in_fours<kForward>(args);
  for (int i = 0; i < args.count; ++i) {
    aligned &= in_fours(narrow_width<kForward>(args.parts[i].delta), args.parts[i].x);
  }
  const int64_t blocks =
      ceil_div(args.rows, kRows) * args.count + border_blocks<kForward>(args, kWarps * kWarp);
  if (args.rows == 0) return;
  const auto start = [&](auto is_aligned, auto drops) {
    launch(delta_operand_kernel<kForward, is_aligned(), drops()>, grid_size(blocks), kWarps * kWarp,
           0, args);
  };
  with_flag(aligned, [&](auto is_aligned) {
    if constexpr (!kForward) {
      start(is_aligned, std::false_type());
    } else {
      with_flag(args.drop_threshold != 0, [&](auto drops) { start(is_aligned, drops); });
    }
  });
}

}  // namespace

void delta_weight_cuda(const DeltaWeightArgs& args) {
  launch_elements(delta_weight_kernel, args.rows * args.columns, args);
}

void delta_operand_cuda(const DeltaOperandArgs& args) {
  args.forward ? launch_operand<true>(args) : launch_operand<false>(args);
}

// Row-major y = operand W^T is column-major y^T = W operand^T, as gemm.cu explains. The Linears of
// one group are a batch. Of several groups, the first Linears are a batch, then the second ones.
void delta_product_cuda(const DeltaProductArgs& args) {
  if (args.rows == 0) return;
  ColumnMajorGemm product{.transpose_a = args.forward,
                          .transpose_b = false,
                          .m = args.n,
                          .n = args.rows,
                          .k = args.k,
                          .operands = DType::bf16,
                          .a = args.weights,
                          .lda = args.weights_pitch,
                          .b = args.operand,
                          .ldb = args.k,
                          .c = args.y,
                          .ldc = args.n,
                          .accumulate = args.accumulate,
                          .bias = args.bias};
  const int64_t weights = args.n * args.weights_pitch, y = args.rows * args.n;  // of a Linear
  if (args.groups == 1) {
    const int64_t count = args.forward ? args.count : 1;
    product.batch = {.count = count, .a = weights, .c = y, .bias = args.n};
    return column_major_gemm(product);
  }
  product.batch = {.count = args.groups,
                   .a = args.group_pitch,
                   .b = args.rows * args.k,
                   .c = args.count * y,
                   .bias = args.count * args.n};
  for (int64_t i = 0; i < args.count; ++i) {
    product.a = args.weights + i * weights;
    product.c = args.y + i * y;
    product.bias = args.bias + i * args.n;
    column_major_gemm(product);
  }
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
