// The limit: the matrix products of one training step, and nothing else, through oneDNN with packed
// weights on all cores. Products: for every layer six Linears forward and dx backward (no dx below
// layer 0's query, key and value; the last layer past keys and values on the first tokens only), the
// position projections on the rows in use, attention as 17 units of 2 * length * hidden a token, and
// the low-rank factors.
//
//   gemm_replay LAYERS HIDDEN RANK POSITIONS LENGTH,LENGTH,... [forward]
//
// LENGTHs are the tokens of the batch's sequences. Prints the best milliseconds and GFLOP/s.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dnnl.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

using dnnl::memory;

class Replay {
 public:
  // c (m, n) = a (m, k) b (k, n); b packed, a fresh copy for every call site.
  void add(int64_t m, int64_t n, int64_t k, int64_t times = 1) {
    if (m == 0) return;
    flops_ += 2.0 * static_cast<double>(m * n * k * times);
    for (int64_t i = 0; i < times; ++i) {
      const memory::desc a({m, k}, memory::data_type::f32, memory::format_tag::ab);
      const memory::desc b({k, n}, memory::data_type::f32, memory::format_tag::any);
      const memory::desc c({m, n}, memory::data_type::f32, memory::format_tag::ab);
#if DNNL_VERSION_MAJOR >= 3
      const dnnl::matmul::primitive_desc primitive(engine_, a, b, c);
#else
      const dnnl::matmul::primitive_desc primitive(dnnl::matmul::desc(a, b, c), engine_);
#endif
      Call call{dnnl::matmul(primitive), filled(primitive.src_desc()),
                filled(primitive.weights_desc()), filled(primitive.dst_desc())};
      calls_.push_back(std::move(call));
    }
  }

  double milliseconds() {
    const auto begin = std::chrono::steady_clock::now();
    for (Call& call : calls_) {
      call.matmul.execute(stream_, {{DNNL_ARG_SRC, call.a},
                                    {DNNL_ARG_WEIGHTS, call.b},
                                    {DNNL_ARG_DST, call.c}});
    }
    stream_.wait();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
        .count();
  }
  double flops() const { return flops_; }

 private:
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

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "usage: gemm_replay LAYERS HIDDEN RANK POSITIONS L,L,... [forward]\n");
    return 2;
  }
  const int64_t layers = std::atoll(argv[1]), hidden = std::atoll(argv[2]);
  const int64_t rank = std::atoll(argv[3]), positions = std::atoll(argv[4]);
  const bool forward_only = argc > 6;
  std::vector<int64_t> lengths;
  std::stringstream list(argv[5]);
  for (std::string item; std::getline(list, item, ',');) lengths.push_back(std::stoll(item));
  int64_t tokens = 0;
  for (const int64_t length : lengths) tokens += length;

  Replay replay;
  const int64_t sequences = static_cast<int64_t>(lengths.size()), wide = 4 * hidden;
  const int64_t passes = forward_only ? 1 : 2;
  for (int64_t layer = 0; layer < layers; ++layer) {
    const bool last = layer + 1 == layers;
    const int64_t rest = last ? sequences : tokens;  // rows past keys and values
    const int64_t input_passes = layer == 0 ? 1 : passes;
    replay.add(tokens, hidden, hidden, 2 * input_passes);  // key, value
    replay.add(rest, hidden, hidden, input_passes + passes);  // query, attention output
    replay.add(rest, wide, hidden, 1);
    replay.add(rest, hidden, wide, 1);
    if (!forward_only) {
      replay.add(rest, hidden, wide, 1);
      replay.add(rest, wide, hidden, 1);
    }
    replay.add(positions, hidden, hidden, positions ? 2 : 0);
    for (const int64_t length : lengths) {
      const int64_t queries = last ? 1 : length, heads = hidden / 64;
      const int64_t band = positions ? 2 * length : 0;
      for (int64_t pass = 0; pass < passes; ++pass) {
        const int64_t grow = pass == 0 ? 1 : 2;
        replay.add(queries, length, 64, heads * grow);
        replay.add(queries, 64, length, heads * grow);
        if (band) replay.add(queries, band, 64, heads * 2 * grow);
      }
    }
    if (rank) {
      replay.add(tokens, rank, hidden, 2 * passes);
      replay.add(tokens, hidden, rank, 2 * passes);
      replay.add(rest, rank, hidden, 3 * passes);
      replay.add(rest, hidden, rank, 3 * passes);
      replay.add(rest, rank, wide, passes);
      replay.add(rest, wide, rank, passes);
    }
  }
  double best = 1e30;
  for (int repeat = 0; repeat < 12; ++repeat) best = std::min(best, replay.milliseconds());
  std::printf("{\"ms\": %.2f, \"gflop\": %.2f, \"gflops\": %.1f, \"threads\": %d}\n", best,
              replay.flops() * 1e-9, replay.flops() / best * 1e-6, omp_get_max_threads());
}
