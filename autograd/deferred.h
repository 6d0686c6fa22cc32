// Launches that backward closures put off, so that several become one.
#pragma once

namespace soragrad::detail {

// One lives during backward(). What closures put off is queued by finish() at the latest, in the
// order in which it was put off. If an exception ends backward() before, it is forgotten.
class DeferredWork {
 public:
  DeferredWork() = default;
  ~DeferredWork();
  DeferredWork(const DeferredWork&) = delete;
  DeferredWork& operator=(const DeferredWork&) = delete;
  static void finish();
};

}  // namespace soragrad::detail

// SPDX-License-Identifier: Apache-2.0
