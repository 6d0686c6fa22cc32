// What ran when, for `--profile`: spans of time that nest - phase, module, op, kernel - with the
// arithmetic and the memory traffic of the kernels. Where nothing is recorded each of these places
// costs the check of a null pointer.
//
// An op of the forward pass has no span of its own in the code: record() (autograd/graph.h) names
// it after its kernels ran, so it begins with the first kernel that no op has claimed yet.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace soragrad::profile {

// What a kernel has to do at least: every input read once, every output written once.
struct Cost {
  double flops = 0;  // of products; 0 where the work is not arithmetic
  double bytes = 0;
};

enum class Kind : uint8_t { phase, module, op, kernel };

struct Event {
  Kind kind = Kind::phase;
  bool backward = false;
  uint32_t name = 0, module = 0;    // numbers of texts; Recorder::text()
  int64_t start = 0, duration = 0;  // nanoseconds
  Cost cost;
};

// Sum of all spans of one name.
struct Row {
  int64_t calls = 0, duration = 0;
  Cost cost;
};

class Recorder {
 public:
  Recorder();   // records what its thread does, in the place of any other
  ~Recorder();  // stops
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // The events kept: the first million. Sums go on after that.
  static constexpr size_t kMaxEvents = 1'000'000;

  void begin(Kind kind, std::string_view name);
  // The backward pass of an op that was recorded in this module.
  void begin_backward(std::string_view op, uint32_t module);
  void end(const Cost& cost = {});
  // The kernels that nobody has claimed since the last call or boundary of a module are this op's.
  void name_op(std::string_view op);
  uint32_t module() const { return module_; }  // whose forward pass runs; 0: none

  // By op ("linear", "linear backward") where there is one, else by kernel ("adamw").
  const std::map<std::string, Row>& ops() const { return ops_; }
  const std::map<std::string, Row>& kernels() const { return kernels_; }
  int64_t total() const { return total_; }  // nanoseconds in outermost spans
  const std::vector<Event>& events() const { return events_; }
  bool complete() const { return complete_; }  // whether all events were kept
  const std::string& text(uint32_t number) const { return texts_[number]; }

 private:
  struct Open {
    Event event;
    size_t place;  // in events_
    uint32_t outer_module;
  };
  struct Unclaimed {
    uint32_t name;
    int64_t start, duration;
    Cost cost;
    size_t place;
  };

  uint32_t number(std::string_view text);
  int64_t now() const;
  size_t keep(const Event& event);
  void leave_unclaimed();  // kernels of no op: rows of their own

  std::vector<std::string> texts_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<Event> events_;
  std::vector<Open> open_;
  std::vector<Unclaimed> unclaimed_;
  std::map<std::string, Row> ops_, kernels_;
  uint32_t module_ = 0;
  int64_t origin_ = 0, total_ = 0;
  bool complete_ = true;
  Recorder* before_;
};

// Of this thread; null: nothing is recorded.
extern constinit thread_local Recorder* recorder;

class Span {
 public:
  Span(Kind kind, std::string_view name, const Cost& cost = {}) : recorder_(recorder), cost_(cost) {
    if (recorder_) recorder_->begin(kind, name);
  }
  explicit Span(std::string_view phase) : Span(Kind::phase, phase) {}
  // Of an op's backward pass.
  Span(std::string_view op, uint32_t module) : recorder_(recorder) {
    if (recorder_) recorder_->begin_backward(op, module);
  }
  ~Span() {
    if (recorder_) recorder_->end(cost_);
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  Recorder* recorder_;
  Cost cost_;
};

// The host's limits, measured by loops of some tenths of a second on all threads; 0: not known.
struct Peak {
  double flops = 0;  // fp32 multiply-adds from registers, a second
  double bytes = 0;  // read from memory, a second
};
Peak measure_peak();

}  // namespace soragrad::profile
