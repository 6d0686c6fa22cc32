// For core/profile.cpp: a pause of the GPU, in which the host queues ahead.
#pragma once

namespace soragrad::cuda {

// What is queued from now on begins 20 ms late. The host does not wait. Work that the host queues
// more slowly than the GPU does it would otherwise be timed by the host. Throws Error while a graph
// is captured.
void hold();

}  // namespace soragrad::cuda

// SPDX-License-Identifier: Apache-2.0
