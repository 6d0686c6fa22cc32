// Processes that train one run together. The library knows one process; a program that was started
// as several replaces world() at its start (train/loop/mpi.h), and once more if their gradients can
// go from GPU to GPU (train/loop/nccl.h).
//
// A collective function is called by all processes, in the same order. What it returns is the same
// on all of them, to the bit, so that decisions taken from it are the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/tensor.h"

namespace soragrad {

// The part of n elements that a process owns: [begin, end).
struct ShardRange {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};
ShardRange shard_of(int64_t n, int rank, int size);

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const { return 0; }
  virtual int size() const { return 1; }
  bool is_first() const { return rank() == 0; }  // the process that writes and talks

  // -- Collective, of tensors of device(): on a GPU queued, as a kernel is
  virtual Device device() const { return Device::cpu; }
  // The processes 0 to units - 1 have a vector of n elements each, in `unit`; on all others `unit`
  // has n elements too and is not read. Each process gets its own shard of all of them: fills
  // `received`, of `units` times the shard's size, in the order of the ranks that sent them.
  virtual void exchange(const Tensor& unit, int units, const Tensor& received);
  // Fills `all` with the shards of all processes; this process's is there already.
  virtual void gather(const Tensor& all);

  // -- Collective
  // Replaces the bytes by those of the first process.
  virtual void broadcast(std::span<std::byte> bytes);
  // Bitwise or. Each byte must be zero on all processes but at most one.
  virtual void merge(std::span<std::byte> bytes);
  virtual int64_t max(int64_t value) { return value; }

  // -- Collective, by means of the functions above
  template <typename T>
  void merge_values(std::span<T> values) {
    merge(std::as_writable_bytes(values));
  }
  bool decide(bool choice);  // -> that of the first process
  std::string broadcast_text(const std::string& text);
  // The text of each process, by rank. No text may hold '\0'.
  std::vector<std::string> gather_texts(const std::string& text);

  // -- Errors. Not collective.
  // Called by a process that has failed and needs time before abort(), e.g. to save: no other
  // process ends all meanwhile (first_has_failed()). Only the first process announces.
  virtual void announce_failure() {}
  virtual bool first_has_failed() { return false; }
  // Ends all processes with this code, within seconds.
  [[noreturn]] void abort(int code);

 private:
  virtual void end_all(int /*code*/) {}  // of abort(): may return, or end this process too
};

// The communicator of this process.
Communicator& world();
// -> the one before.
std::unique_ptr<Communicator> set_world(std::unique_ptr<Communicator> communicator);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
