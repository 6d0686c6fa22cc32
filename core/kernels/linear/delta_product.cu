// The operand's kernel. A block of 6 warps owns 4 rows of a part and makes the narrow product of
// the delta (low_rank.cuh). The pieces of the rows that it loads for the first group of ranks go
// rounded into the operand on the way; its first 32 threads then have a (row, rank) each, which
// they split and write. Blocks of different parts and equal rows follow one another, so that x is
// read once from memory. Further blocks write the weights' border, an element of the factor a
// thread. No sum crosses blocks.
#include "core/kernels/linear/delta_product.h"

#include "core/kernels/cuda.cuh"
#include "core/kernels/linear/cublas.cuh"
#include "core/kernels/linear/low_rank.cuh"
#include "core/kernels/mma.cuh"

namespace soragrad::kernels {
namespace {

using Part = DeltaOperandArgs::Part;

struct alignas(8) FourBf16 {
  uint32_t pair[2];  // of mma.cuh
};
struct Split {
  bfloat16 high, low;
};

__device__ inline Split split(real x) {
  const auto value = static_cast<float>(x);
  const bfloat16 high = to_bfloat16(value);
  return {high, to_bfloat16(value - to_float(high))};
}

__global__ void delta_weight_kernel(DeltaWeightArgs args) {
  const int64_t i = global_thread(), row = i / args.columns, column = i % args.columns;
  if (row >= args.rows) return;
  args.packed[row * args.pitch + column] = to_bfloat16(static_cast<float>(args.weight[i]));
}

// Element i of the wide factor. Forward that is B (out, rank), beside its Linear's rows; backward
// A (rank, in), below all rows.
template <bool kForward>
__device__ void write_border(const DeltaOperandArgs& args, const Part& part, unsigned i) {
  const auto rank = static_cast<unsigned>(part.delta.rank);
  const auto width = static_cast<unsigned>(kForward ? rank : part.delta.in);  // of the factor
  if (i >= width * static_cast<unsigned>(kForward ? part.delta.out : rank)) return;
  const Split value = split((kForward ? part.delta.b : part.delta.a)[i]);
  const int64_t row = (kForward ? part.weight_at : part.border_at) + i / width;
  const int64_t column = (kForward ? part.border_at : 0) + i % width;
  const int64_t step = kForward ? rank : rank * args.weights_pitch;
  bfloat16* __restrict__ place = args.weights + row * args.weights_pitch + column;
  place[0] = value.high;
  place[step] = value.high;
  place[2 * step] = value.low;
}

// The element (row, k) of s u or du in the operand, and the zeros behind the last rank.
__device__ void write_columns(const DeltaOperandArgs& args, const Part& part, int64_t row,
                              int64_t k, real scaled) {
  const int64_t rank = part.delta.rank, width = border_of(rank);
  bfloat16* __restrict__ place = args.operand + row * args.pitch + part.border_at;
  const Split value = split(scaled);
  place[k] = value.high;
  place[rank + k] = value.low;
  place[2 * rank + k] = value.high;
  for (int64_t zero = 3 * rank + k; zero < width; zero += rank) place[zero] = bfloat16{};
}

template <bool kForward, bool kAligned>
__global__ void __launch_bounds__(kWarps* kWarp, kAligned ? 3 : 2)
    delta_operand_kernel(DeltaOperandArgs args) {
  constexpr Lies kLies = kForward ? Lies::by_rank : Lies::by_column;
  __shared__ WarpSums of_warp;
  const unsigned count = static_cast<unsigned>(args.count), block = blockIdx.x / count;
  const Part& part = args.parts[blockIdx.x % count];
  const LowRankDelta& delta = part.delta;
  const int64_t begin = static_cast<int64_t>(block) * kRows;
  const auto row_blocks = static_cast<unsigned>((args.rows + kRows - 1) / kRows);
  const int thread = static_cast<int>(threadIdx.x);
  if (block >= row_blocks) {
    write_border<kForward>(args, part, (block - row_blocks) * kWarps * kWarp + threadIdx.x);
    return;
  }
  const NarrowProduct product{.x = part.x,
                              .factor = kForward ? delta.a : delta.b,
                              .rows = args.rows,
                              .in = kForward ? delta.in : delta.out};
  for (int first = 0; first < delta.rank; first += kRanks) {
    const bool copies = first == 0 && args.operand && part.copy_at >= 0;
    bfloat16* copy = copies ? args.operand + begin * args.pitch + part.copy_at : nullptr;
    const real sum = narrow_product<kLies, kAligned>(
        delta, product, begin, first, of_warp, [&](int row, int column, const Four& four) {
          if (!copy) return;
          *reinterpret_cast<FourBf16*>(copy + row * args.pitch + column) = {
              bf16_pair(four.at[0], four.at[1]), bf16_pair(four.at[2], four.at[3])};
        });
    const int64_t row = begin + thread / kRanks, k = first + thread % kRanks;
    if (thread < kRows * kRanks && row < args.rows && k < delta.rank) {
      const real scaled = scale_of(delta, k) * sum;
      part.sums[row * delta.rank + k] = sum;
      if (part.scaled) part.scaled[row * delta.rank + k] = scaled;
      if (args.operand) write_columns(args, part, row, k, scaled);
    }
    __syncthreads();
  }
}

template <bool kForward>
void launch_operand(const DeltaOperandArgs& args) {
  bool aligned = true;
  int64_t largest = 0;
  for (int i = 0; i < args.count; ++i) {
    const auto& [delta, x, sums, scaled, copy_at, border_at, weight_at] = args.parts[i];
    aligned &= in_fours(kForward ? delta.in : delta.out, x, kForward ? delta.a : delta.b) &&
               (kForward || delta.rank % 4 == 0);
    largest = std::max(largest, delta.rank * (kForward ? delta.out : delta.in));
  }
  const int64_t border_blocks = args.operand ? ceil_div(largest, kWarps * kWarp) : 0;
  const int64_t blocks = (ceil_div(args.rows, kRows) + border_blocks) * args.count;
  if (args.rows == 0) return;
  with_flag(aligned, [&](auto is_aligned) {
    launch(delta_operand_kernel<kForward, is_aligned()>, grid_size(blocks), kWarps * kWarp, 0,
           args);
  });
}

}  // namespace

void delta_weight_cuda(const DeltaWeightArgs& args) {
  launch_elements(delta_weight_kernel, args.rows * args.columns, args);
}

void delta_operand_cuda(const DeltaOperandArgs& args) {
  args.forward ? launch_operand<true>(args) : launch_operand<false>(args);
}

// Row-major y = operand W^T is column-major y^T = W operand^T, as gemm.cu explains.
void delta_product_cuda(const DeltaProductArgs& args) {
  if (args.rows == 0) return;
  column_major_gemm({.transpose_a = args.forward,
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
                     .bias = args.bias,
                     .batch = {.count = args.forward ? args.count : 1,
                               .a = args.n * args.weights_pitch,
                               .c = args.rows * args.n,
                               .bias = args.n}});
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
