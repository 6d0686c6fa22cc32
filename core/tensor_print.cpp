// The text of a Tensor.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>

#include "core/tensor.h"

namespace soragrad {
namespace {

constexpr int64_t kShownWhole = 1000;  // elements; NumPy's threshold
constexpr int64_t kEdge = 3;           // first and last indices shown of an axis; NumPy's edgeitems
constexpr size_t kLineLength = 80;
constexpr std::string_view kOpening = "tensor(";

std::string element_text(const Tensor& host, int64_t i) {
  switch (host.dtype()) {
    case DType::f32:
      return fmt::format("{:.6g}", host.data<float>()[i]);
    case DType::f64:
      return fmt::format("{:.6g}", host.data<double>()[i]);
    case DType::bf16:
      return fmt::format("{:.6g}", to_float(host.data<bfloat16>()[i]));
    case DType::f16:
      return fmt::format("{:.6g}", to_float(host.data<float16>()[i]));
    case DType::i64:
      return fmt::format("{}", host.data<int64_t>()[i]);
    case DType::i32:
      return fmt::format("{}", host.data<int32_t>()[i]);
    case DType::i16:
      return fmt::format("{}", host.data<int16_t>()[i]);
    case DType::i8:
      return fmt::format("{}", host.data<int8_t>()[i]);
    case DType::u8:
      return fmt::format("{}", host.data<uint8_t>()[i]);
    case DType::boolean:
      return host.data<bool>()[i] ? "true" : "false";
  }
  return "?";
}

// Writes the nested brackets of a tensor in host memory. Elements are visited twice: first for the
// width of the widest, then for the text.
class Printer {
 public:
  explicit Printer(const Tensor& host) : host_(host), elided_(host.numel() > kShownWhole) {
    visit_axis(0, 0,
               [this](int64_t i) { width_ = std::max(width_, element_text(host_, i).size()); });
  }

  std::string text() {
    append_axis(0, 0);
    return text_;
  }

 private:
  // Calls shown(index) for each index of an axis that is shown, and gap() once for those left out.
  template <typename Shown, typename Gap>
  void visit_indices(int axis, const Shown& shown, const Gap& gap) const {
    const int64_t size = host_.size(axis);
    const bool cut = elided_ && size > 2 * kEdge;
    for (int64_t index = 0; index < size; ++index) {
      if (cut && index == kEdge) {
        gap();
        index = size - kEdge;
      }
      shown(index);
    }
  }

  template <typename Element>
  void visit_axis(int axis, int64_t offset, const Element& element) const {
    if (axis == host_.shape().rank()) return element(offset);
    visit_indices(
        axis,
        [&](int64_t index) { visit_axis(axis + 1, offset * host_.size(axis) + index, element); },
        [] {});
  }

  // `offset` counts the blocks of the axes before this one.
  void append_axis(int axis, int64_t offset) {
    if (axis == host_.shape().rank()) {
      append(fmt::format("{:>{}}", element_text(host_, offset), width_), axis);
      return;
    }
    text_ += '[';
    ++column_;
    bool first = true;
    const auto separate = [&] {
      if (!first) text_ += ',';
      const int inner = host_.shape().rank() - axis - 1;  // axes inside this one
      if (!first && inner > 0) {
        text_.append(static_cast<size_t>(inner), '\n');  // matrices are an empty line apart
        indent(axis + 1);
      } else if (!first) {
        text_ += ' ';
        column_ += 2;
      }
      first = false;
    };
    visit_indices(
        axis,
        [&](int64_t index) {
          separate();
          append_axis(axis + 1, offset * host_.size(axis) + index);
        },
        [&] {
          separate();
          append("...", axis + 1);
        });
    text_ += ']';
    ++column_;
  }

  void append(const std::string& word, int depth) {
    if (column_ + word.size() + 1 > kLineLength && text_.back() == ' ') {
      text_.back() = '\n';
      indent(depth);
    }
    text_ += word;
    column_ += word.size();
  }

  void indent(int depth) {
    column_ = kOpening.size() + static_cast<size_t>(depth);
    text_.append(column_, ' ');
  }

  const Tensor& host_;
  bool elided_;
  size_t width_ = 0;
  size_t column_ = kOpening.size();
  std::string text_;
};

}  // namespace

std::string to_string(const Tensor& tensor) {
  if (!tensor.defined()) return "tensor(undefined)";
  const Tensor host = tensor.to(Device::cpu);
  return fmt::format("{}{}, shape={}, {}, {})", kOpening, Printer(host).text(), tensor.shape(),
                     name_of(tensor.dtype()), name_of(tensor.device()));
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  return out << to_string(tensor);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
