// 01_tensors: tensors, how they print, the tape and gradients.
//
//   $ ./01_tensors
//   tensor([[1, 2, 3],
//           [4, 5, 6]], shape=(2, 3), F32, cpu)
//   sixth element of (6): 6
//   tensor([[0, 0, 0, ..., 0, 0, 0],
//           [0, 0, 0, ..., 0, 0, 0],
//           [0, 0, 0, ..., 0, 0, 0],
//           ...,
//           [0, 0, 0, ..., 0, 0, 0],
//           [0, 0, 0, ..., 0, 0, 0],
//           [0, 0, 0, ..., 0, 0, 0]], shape=(1000, 1000), F32, cpu)
//   tensor([[-0.375,     -1],
//           [  8.25,     -1]], shape=(2, 2), F32, cpu, requires_grad)
//   loss 6.0035
//   gradient has the shape (2, 3) of the weight
//   right answers: 1 of 2
//   d(loss)/d(weight[0, 1]): 1.7 by the tape, 1.7 by a difference
//   [add] a (2, 2) and b (2, 3) differ; equal shapes are needed.
#include <fmt/format.h>
#include <soragrad/soragrad.h>

#include <vector>

using namespace soragrad;

int main() {
  // A Tensor is dense and row-major. Copies, slices and views share its elements.
  const Tensor x = Tensor::from({1, 2, 3, 4, 5, 6}, {2, 3});
  fmt::print("{}\n", x);
  x.slice(1, 2).elements()[0] = 40;  // writes into x
  fmt::print("sixth element of {}: {}\n", x.view({6}).shape(), x.to_vector()[5]);
  fmt::print("{}\n", Tensor::zeros({1000, 1000}));

  // A Variable takes part in formulas. One that requires a gradient is a leaf of the tape.
  const Variable weight(Tensor::from({0.25f, -0.5f, 0.125f, 0, 1, -1}, {2, 3}), true);
  const Variable scores = matmul(Variable(x), weight, false, true);  // x weight^T, (2, 2)
  fmt::print("{}\n", scores);

  // A loss is a scalar; backward() walks the tape and leaves d(loss)/d(leaf) in each leaf.
  const Tensor labels = Tensor::from(std::vector<int64_t>{0, 1}, {2});
  const Variable loss = cross_entropy(scores, labels) + 0.5f * sum(weight * weight);
  backward(loss);
  fmt::print("loss {:.4f}\n", loss.value().item());
  fmt::print("gradient has the shape {} of the weight\n", weight.grad().shape());
  fmt::print("right answers: {} of 2\n", count(argmax(scores.value()) == labels));

  // The derivative by hand: the loss at weight + h in one element.
  constexpr real h = 1e-2f;
  const Tensor moved = weight.value().clone();
  moved.elements()[1] += h;
  const Variable again(moved);
  const Variable other =
      cross_entropy(matmul(Variable(x), again, false, true), labels) + 0.5f * sum(again * again);
  const real slope = (other.value().item() - loss.value().item()) / h;
  fmt::print("d(loss)/d(weight[0, 1]): {:.1f} by the tape, {:.1f} by a difference\n",
             weight.grad().elements()[1], slope);

  // What does not fit throws, with both shapes.
  try {
    scores + weight;
  } catch (const Error& error) {
    fmt::print("{}\n", error.what());
  }
}

// SPDX-License-Identifier: Apache-2.0
