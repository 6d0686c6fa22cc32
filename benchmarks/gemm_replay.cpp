// The limit of a training step: its matrix products and nothing else, through oneDNN with packed
// weights on all cores. The products are:
//   - for every layer the six Linears, forward and dx backward (no dx below layer 0's query, key
//     and value; the last layer past keys and values on the first tokens only);
//   - the position projections on the rows in use;
//   - attention as batched products over the heads of each sequence, with positions also over its
//     2 length - 1 distances;
//   - the low-rank factors, or with full fine-tuning the gradients of the weights.
//
//   gemm_replay LAYERS HIDDEN RANK positions|- adapter|full|forward LENGTH,LENGTH,... [...]
//
// Each list of lengths is a step: the number of tokens of each of its sequences. Prints a line of
// JSON for each step: the best of a few runs in milliseconds, and GFLOP/s.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dnnl.hpp>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

namespace {

using dnnl::memory;

class Replay {
 public:
  // c (m, n) = a (m, k) b (k, n); b packed, a fresh copy for every call site.
  void add(int64_t m, int64_t n, int64_t k, int64_t times = 1) {
    using tag = memory::format_tag;
    add(memory::desc({m, k}, kFloat, tag::ab), memory::desc({k, n}, kFloat, tag::any),
        memory::desc({m, n}, kFloat, tag::ab), 2.0 * static_cast<double>(m * n * k), times);
  }
  // The same for every head at once; b as it is.
  void add_heads(int64_t heads, int64_t m, int64_t n, int64_t k, int64_t times) {
    using tag = memory::format_tag;
    add(memory::desc({heads, m, k}, kFloat, tag::abc),
        memory::desc({heads, k, n}, kFloat, tag::abc),
        memory::desc({heads, m, n}, kFloat, tag::abc), 2.0 * static_cast<double>(heads * m * n * k),
        times);
  }

  double milliseconds() {
    const auto begin = std::chrono::steady_clock::now();
    for (Call& call : calls_) {
      call.matmul.execute(
          stream_, {{DNNL_ARG_SRC, call.a}, {DNNL_ARG_WEIGHTS, call.b}, {DNNL_ARG_DST, call.c}});
    }
    stream_.wait();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
        .count();
  }
  double flops() const { return flops_; }

 private:
  static constexpr auto kFloat = memory::data_type::f32;

  void add(const memory::desc& a, const memory::desc& b, const memory::desc& c, double flops,
           int64_t times) {
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc primitive(engine_, a, b, c);
#else
    const dnnl::matmul::primitive_desc primitive(dnnl::matmul::desc(a, b, c), engine_);
#endif
    for (int64_t i = 0; i < times; ++i) {
      calls_.push_back({dnnl::matmul(primitive), filled(primitive.src_desc()),
                        filled(primitive.weights_desc()), filled(primitive.dst_desc())});
    }
    flops_ += flops * static_cast<double>(times);
  }

  struct Call {
    dnnl::matmul matmul;
    memory a, b, c;
  };
  memory filled(const memory::desc& desc) {
    memory result(desc, engine_);
    std::memset(result.get_data_handle(), 0, desc.get_size());
    return result;
  }
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<Call> calls_;
  double flops_ = 0;
};

struct Model {
  int64_t layers, hidden, rank;
  bool positions, full, forward_only;
};

// Rows of the position table that sequences up to this length use: 256 buckets, 512 positions.
int64_t position_rows(int64_t length) {
  constexpr double kMiddle = 128, kFarthest = 511;
  const double distance = static_cast<double>(length - 1);
  if (distance <= kMiddle) return 2 * length - 1;
  const double far = std::log(distance / kMiddle) / std::log(kFarthest / kMiddle) * (kMiddle - 1);
  return 2 * static_cast<int64_t>(std::ceil(far) + kMiddle) + 1;
}

// y = x W^T over `rows` rows: y, dx and the factors of the delta, or dW.
void add_linear(Replay& replay, const Model& model, int64_t rows, int64_t out, int64_t in,
                bool wants_dx) {
  replay.add(rows, out, in);
  const int64_t factors = model.rank == 0 ? 0 : model.forward_only ? 1 : 3;
  if (factors > 0) {
    replay.add(rows, model.rank, in, factors);
    replay.add(rows, out, model.rank, factors);
  }
  if (model.forward_only) return;
  if (wants_dx) replay.add(rows, in, out);
  if (model.full) replay.add(out, in, rows);
}

void add_attention(Replay& replay, const Model& model, int64_t queries, int64_t length) {
  constexpr int64_t kHeadSize = 64;
  const int64_t heads = model.hidden / kHeadSize, times = model.forward_only ? 1 : 3;
  replay.add_heads(heads, queries, length, kHeadSize, times);
  replay.add_heads(heads, queries, kHeadSize, length, times);
  if (model.positions) replay.add_heads(heads, queries, 2 * length - 1, kHeadSize, 2 * times);
}

double run_step(const Model& model, const std::vector<int64_t>& lengths, double& flops) {
  Replay replay;
  const int64_t sequences = static_cast<int64_t>(lengths.size());
  const int64_t tokens = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  const int64_t hidden = model.hidden, wide = 4 * hidden;
  for (int64_t layer = 0; layer < model.layers; ++layer) {
    const bool last = layer + 1 == model.layers;
    const int64_t rest = last ? sequences : tokens;  // rows past keys and values
    const bool wants_dx = layer > 0 || model.full;
    add_linear(replay, model, rest, hidden, hidden, wants_dx);  // query
    for (int i = 0; i < 2; ++i) add_linear(replay, model, tokens, hidden, hidden, wants_dx);
    add_linear(replay, model, rest, hidden, hidden, true);  // attention output
    add_linear(replay, model, rest, wide, hidden, true);
    add_linear(replay, model, rest, hidden, wide, true);
    const int64_t rows = position_rows(*std::max_element(lengths.begin(), lengths.end()));
    if (model.positions) replay.add(rows, hidden, hidden, model.full ? 6 : 2);
    for (const int64_t length : lengths) {
      add_attention(replay, model, last ? 1 : length, length);
    }
  }
  constexpr int kRepeats = 4;
  double best = 1e30;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    best = std::min(best, replay.milliseconds());
  }
  flops = replay.flops();
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    std::fprintf(stderr,
                 "usage: gemm_replay LAYERS HIDDEN RANK positions|- adapter|full|forward L,L,... "
                 "[L,L,... ...]\n");
    return 2;
  }
  const std::string work = argv[5];
  const Model model{std::atoll(argv[1]), std::atoll(argv[2]),
                    std::atoll(argv[3]), std::string("positions") == argv[4],
                    work == "full",      work == "forward"};
  for (int step = 6; step < argc; ++step) {
    std::vector<int64_t> lengths;
    std::stringstream list(argv[step]);
    for (std::string item; std::getline(list, item, ',');) lengths.push_back(std::stoll(item));
    double flops = 0;
    const double best = run_step(model, lengths, flops);
    std::printf("{\"ms\": %.2f, \"gflop\": %.2f, \"gflops\": %.1f, \"threads\": %d}\n", best,
                flops * 1e-9, flops / best * 1e-6, omp_get_max_threads());
  }
}

// SPDX-License-Identifier: Apache-2.0
