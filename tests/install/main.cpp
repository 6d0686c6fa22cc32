// The library in two files of one program: inline definitions must not clash, and an Error thrown
// in the library is caught here.
#include <fmt/format.h>
#include <soragrad/soragrad.h>

soragrad::Tensor ones(int64_t n);

int main() {
  try {
    ones(3).view({2});
  } catch (const soragrad::Error& error) {
    fmt::print("{}\n{}\n", soragrad::count(ones(2) == ones(2)), error.what());
    return 0;
  }
  return 1;
}

// SPDX-License-Identifier: Apache-2.0
