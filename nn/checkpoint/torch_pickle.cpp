#include "nn/checkpoint/torch_pickle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "nn/checkpoint/stored_tensor.h"
#include "nn/checkpoint/torch_globals.h"

namespace soragrad::nn {
namespace {

using Kind = PickleValue::Kind;

// Limits far above what a state dict needs: a hostile file ends the reader early.
constexpr size_t kMaxPickle = 64 << 20;
constexpr size_t kMaxValues = 1 << 20;
constexpr size_t kMaxPickledRank = 16;

// Python's pickle machine, cut down to what state dicts use: a stack, marks and a memo. Values
// refer to each other by their index. A global is looked up in a table (torch_globals.h) and never
// called; what torch builds by calls is written down as data.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::string_view where)
      : bytes_(bytes.first(std::min(bytes.size(), kMaxPickle))), where_(where) {}

  Pickle run() {
    while (step()) {
    }
    pickle_.root = pop();
    pickle_.size = position_;
    return std::move(pickle_);
  }

 private:
  // Reading bytes.
  std::string_view take(uint64_t n) {
    require(n <= bytes_.size() - position_,
            "[{}] the pickle ends (or passes {} bytes) inside a value of {} bytes at byte {}.",
            where_, kMaxPickle, n, position_);
    const auto* first = reinterpret_cast<const char*>(bytes_.data()) + position_;
    position_ += n;
    return {first, static_cast<size_t>(n)};
  }
  template <typename T>
  T take() {
    T number;
    std::memcpy(&number, take(sizeof number).data(), sizeof number);
    return number;
  }
  std::string_view take_line() {
    const auto* first = reinterpret_cast<const char*>(bytes_.data()) + position_;
    const std::string_view rest(first, bytes_.size() - position_);
    const size_t end = rest.find('\n');
    require(end != rest.npos, "[{}] the pickle ends inside a name at byte {}.", where_, position_);
    position_ += end + 1;
    return rest.substr(0, end);
  }
  // A little-endian two's complement number of up to 8 bytes.
  int64_t take_long(size_t n) {
    require(n <= 8, "[{}] the pickle holds a number of {} bytes, past 64 bits.", where_, n);
    uint64_t number = 0;
    const std::string_view digits = take(n);
    for (size_t i = 0; i < n; ++i) {
      number |= uint64_t{static_cast<unsigned char>(digits[i])} << (8 * i);
    }
    const auto unused = static_cast<unsigned>(64 - 8 * n);
    return n == 0 ? 0 : static_cast<int64_t>(number << unused) >> unused;
  }

  // Values and the stack.
  const PickleValue& value(uint32_t index) const { return pickle_.values[index]; }
  void push(PickleValue value) {
    require(pickle_.values.size() < kMaxValues, "[{}] the pickle holds more than {} values.",
            where_, kMaxValues);
    pickle_.values.push_back(std::move(value));
    stack_.push_back(static_cast<uint32_t>(pickle_.values.size() - 1));
  }
  void push(Kind kind, int64_t number = 0, std::string_view text = {}) {
    push(PickleValue{kind, number, text, {}});
  }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  uint32_t peek() const {
    require(stack_.size() > floor(), "[{}] the pickle takes from an empty stack at byte {}.",
            where_, position_);
    return stack_.back();
  }
  uint32_t pop() {
    const uint32_t top = peek();
    stack_.pop_back();
    return top;
  }
  std::vector<uint32_t> pop_items(size_t n) {
    std::vector<uint32_t> items(n);
    for (size_t i = n; i-- > 0;) items[i] = pop();
    return items;
  }
  std::vector<uint32_t> pop_to_mark() {
    require(!marks_.empty(), "[{}] the pickle lacks a mark at byte {}.", where_, position_);
    std::vector<uint32_t> items(stack_.begin() + static_cast<int64_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::vector<uint32_t> items) {
    push(PickleValue{Kind::tuple, 0, {}, std::move(items)});
  }
  void append(Kind kind, const std::vector<uint32_t>& items) {
    PickleValue& target = pickle_.values[peek()];
    require(target.kind == kind && (kind != Kind::dict || items.size() % 2 == 0),
            "[{}] the pickle adds {} members to a {} at byte {}.", where_, items.size(),
            python_name(target.kind), position_);
    target.items.insert(target.items.end(), items.begin(), items.end());
  }
  void memoize(uint32_t key) {
    memo_[key] = peek();
    require(memo_.size() <= kMaxValues, "[{}] the pickle remembers more than {} values.", where_,
            kMaxValues);
  }
  void recall(uint32_t key) {
    const auto found = memo_.find(key);
    require(found != memo_.end(), "[{}] the pickle recalls value {}, which it never stored.",
            where_, key);
    stack_.push_back(found->second);
    require(stack_.size() <= kMaxValues, "[{}] the pickle stacks more than {} values.", where_,
            kMaxValues);
  }

  // What is built out of values.
  bool step();
  bool push_plain(uint8_t opcode);  // a value without parts; false: the opcode is another one
  void push_global(std::string_view module, std::string_view name);
  void push_storage();
  void reduce();
  void push_ordered_dict(const PickleValue& args);
  void push_tensor(const PickleValue& args, bool is_old);
  const PickleValue& member(const PickleValue& tuple, size_t index, Kind kind) const;
  std::vector<int64_t> numbers(const PickleValue& tuple) const;

  std::span<const std::byte> bytes_;
  std::string_view where_;
  size_t position_ = 0;
  Pickle pickle_;
  std::vector<uint32_t> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, uint32_t> memo_;
  std::unordered_map<std::string_view, size_t> storages_;  // key -> index in pickle_.storages
  size_t copied_ = 0;
};

bool Reader::push_plain(uint8_t opcode) {
  // clang-format off
  switch (opcode) {
    case 'N': push(Kind::none); break;
    case 0x88: push(Kind::boolean, 1); break;
    case 0x89: push(Kind::boolean, 0); break;
    case 'J': push(Kind::integer, take<int32_t>()); break;
    case 'K': push(Kind::integer, take<uint8_t>()); break;
    case 'M': push(Kind::integer, take<uint16_t>()); break;
    case 0x8a: push(Kind::integer, take_long(take<uint8_t>())); break;
    case 'G': take(8), push(Kind::real); break;
    case 'T':
    case 'X': push(Kind::text, 0, take(take<uint32_t>())); break;
    case 'U':
    case 0x8c: push(Kind::text, 0, take(take<uint8_t>())); break;
    case ')': push(Kind::tuple); break;
    case ']': push(Kind::list); break;
    case '}': push(Kind::dict); break;
    default: return false;
  }
  // clang-format on
  return true;
}

// One opcode; false after STOP.
bool Reader::step() {
  const size_t at = position_;
  const auto opcode = take<uint8_t>();
  if (push_plain(opcode)) return true;
  // clang-format off
  switch (opcode) {
    case 0x80: {  // PROTO
      const auto protocol = take<uint8_t>();
      require(protocol <= 5, "[{}] pickle protocol {} is not known; 0 to 5 are.", where_, protocol);
      break;
    }
    case 0x95: take<uint64_t>(); break;  // FRAME: a hint for streams
    case '.': return false;
    case '(':
      marks_.push_back(stack_.size());
      require(marks_.size() <= kMaxValues, "[{}] the pickle nests more than {} marks.", where_,
              kMaxValues);
      break;
    case 't': push_tuple(pop_to_mark()); break;
    case 0x85: push_tuple(pop_items(1)); break;
    case 0x86: push_tuple(pop_items(2)); break;
    case 0x87: push_tuple(pop_items(3)); break;
    case 'a': append(Kind::list, pop_items(1)); break;
    case 'e': append(Kind::list, pop_to_mark()); break;
    case 's': append(Kind::dict, pop_items(2)); break;
    case 'u': append(Kind::dict, pop_to_mark()); break;
    case 'q': memoize(take<uint8_t>()); break;
    case 'r': memoize(take<uint32_t>()); break;
    case 0x94: memoize(static_cast<uint32_t>(memo_.size())); break;
    case 'h': recall(take<uint8_t>()); break;
    case 'j': recall(take<uint32_t>()); break;
    case 'c':
    case 'i': {  // GLOBAL and INST both name code
      const std::string_view module = take_line(), name = take_line();
      push_global(module, name);
      require(opcode == 'c', "[{}] the pickle makes an instance of '{}.{}', which is refused.",
              where_, shown(module), shown(name));
      break;
    }
    case 0x93: {  // STACK_GLOBAL
      const PickleValue &name = value(pop()), &module = value(pop());
      require(name.kind == Kind::text && module.kind == Kind::text,
              "[{}] the pickle names a global without text at byte {}.", where_, at);
      push_global(module.text, name.text);
      break;
    }
    case 'Q': push_storage(); break;
    case 'R': reduce(); break;
    case 'b': {  // BUILD: attributes of an OrderedDict, such as _metadata; of no use here
      pop();
      require(value(peek()).kind == Kind::dict, "[{}] the pickle sets the attributes of a {}.",
              where_, python_name(value(peek()).kind));
      break;
    }
    default:
      fail("[{}] pickle opcode 0x{:02x} at byte {} is not one of a state dict; refused.", where_,
           opcode, at);
  }
  // clang-format on
  return true;
}

void Reader::push_global(std::string_view module, std::string_view name) {
  const std::optional<size_t> known = find_global(module, name);
  require(known.has_value(),
          "[{}] refuses '{}.{}': only tensors, dicts and ordered dicts are read and nothing is "
          "ever run; save a plain state dict.",
          where_, shown(module), shown(name));
  push(Kind::global, static_cast<int64_t>(*known), name);
}

// A member of a tuple that must have the given kind.
const PickleValue& Reader::member(const PickleValue& tuple, size_t index, Kind kind) const {
  require(tuple.kind == Kind::tuple && index < tuple.items.size() &&
              value(tuple.items[index]).kind == kind,
          "[{}] the pickle describes a tensor wrongly before byte {}: member {} is no {}.", where_,
          position_, index, python_name(kind));
  return value(tuple.items[index]);
}

// ("storage", type, key, location, numel[, None or (view key, offset, numel)])
void Reader::push_storage() {
  const PickleValue& id = value(pop());
  const PickleValue& tag = member(id, 0, Kind::text);
  const KnownGlobal& type = global_at(member(id, 1, Kind::global).number);
  PickledStorage storage{member(id, 2, Kind::text).text, type.dtype,
                         member(id, 4, Kind::integer).number};
  int64_t item_bytes = 0;
  require(tag.text == "storage" && type.global == Global::storage && storage.numel >= 0 &&
              !__builtin_mul_overflow(storage.numel, static_cast<int64_t>(size_of(type.dtype)),
                                      &item_bytes),
          "[{}] storage '{}' is described wrongly: {} elements of {}.", where_, shown(storage.key),
          storage.numel, type.name);
  const auto [known, is_new] = storages_.emplace(storage.key, pickle_.storages.size());
  if (is_new) pickle_.storages.push_back(storage);
  const PickledStorage& first = pickle_.storages[known->second];
  require(first.dtype == storage.dtype && first.numel == storage.numel,
          "[{}] storage '{}' is described twice: {} elements of {} and {} of {}.", where_,
          shown(storage.key), first.numel, name_of(first.dtype), storage.numel,
          name_of(storage.dtype));
  PickledTensor view{.storage = known->second};
  if (id.items.size() > 5 && value(id.items[5]).kind != Kind::none) {
    const PickleValue& metadata = member(id, 5, Kind::tuple);
    view.offset = member(metadata, 1, Kind::integer).number;
    require(view.offset >= 0, "[{}] storage '{}' is viewed from element {}.", where_,
            shown(storage.key), view.offset);
  }
  pickle_.tensors.push_back(std::move(view));
  push(Kind::storage, static_cast<int64_t>(pickle_.tensors.size() - 1));
}

void Reader::reduce() {
  const PickleValue &arguments = value(pop()), &callee = value(pop());
  require(callee.kind == Kind::global && arguments.kind == Kind::tuple,
          "[{}] the pickle calls a {}, which is refused.", where_, python_name(callee.kind));
  const KnownGlobal& global = global_at(callee.number);
  switch (global.global) {
    case Global::ordered_dict:
      return push_ordered_dict(arguments);
    case Global::rebuild_v2:
      return push_tensor(arguments, false);
    case Global::rebuild_old:
      return push_tensor(arguments, true);
    case Global::rebuild_parameter:
      return push(Kind::tensor, member(arguments, 0, Kind::tensor).number);
    case Global::storage:
      break;
  }
  fail("[{}] the pickle calls '{}.{}', which is refused.", where_, global.module, global.name);
}

// OrderedDict() or, as Python 2 writes it, OrderedDict([[key, value], ...]).
void Reader::push_ordered_dict(const PickleValue& args) {
  PickleValue dict{Kind::dict};
  if (!args.items.empty()) {
    for (const uint32_t pair : member(args, 0, Kind::list).items) {
      const PickleValue& item = value(pair);
      require((item.kind == Kind::list || item.kind == Kind::tuple) && item.items.size() == 2,
              "[{}] the pickle makes an OrderedDict of a {}.", where_, python_name(item.kind));
      dict.items.insert(dict.items.end(), item.items.begin(), item.items.end());
      require(++copied_ <= kMaxValues, "[{}] the pickle copies more than {} members.", where_,
              kMaxValues);
    }
  }
  push(std::move(dict));
}

std::vector<int64_t> Reader::numbers(const PickleValue& tuple) const {
  require(tuple.items.size() <= kMaxPickledRank, "[{}] a tensor has {} dimensions; at most {}.",
          where_, tuple.items.size(), kMaxPickledRank);
  std::vector<int64_t> result;
  for (size_t i = 0; i < tuple.items.size(); ++i) {
    result.push_back(member(tuple, i, Kind::integer).number);
    require(result.back() >= 0, "[{}] a tensor has the size or stride {}.", where_, result.back());
  }
  return result;
}

// (storage, offset, sizes, strides[, requires_grad, hooks[, metadata]])
void Reader::push_tensor(const PickleValue& args, bool is_old) {
  PickledTensor tensor = pickle_.tensors[member(args, 0, Kind::storage).number];
  const int64_t offset = member(args, 1, Kind::integer).number;
  require(offset >= 0 && !__builtin_add_overflow(tensor.offset, offset, &tensor.offset),
          "[{}] a tensor begins at element {} of its storage.", where_, offset);
  tensor.sizes = numbers(member(args, 2, Kind::tuple));
  tensor.strides = numbers(member(args, 3, Kind::tuple));
  require(tensor.sizes.size() == tensor.strides.size(), "[{}] a tensor has {} sizes, {} strides.",
          where_, tensor.sizes.size(), tensor.strides.size());
  require(checked_numel(tensor.sizes).has_value(), "[{}] a tensor of {} has 2^63 elements or more.",
          where_, to_text(tensor.sizes));
  // Metadata carries lazy negation and conjugation, which change what the bytes mean.
  if (!is_old && args.items.size() > 6) {
    const PickleValue& metadata = value(args.items[6]);
    require(metadata.kind == Kind::none || metadata.items.empty(),
            "[{}] a tensor has metadata (a lazy negation or the like); save it materialized.",
            where_);
  }
  pickle_.tensors.push_back(std::move(tensor));
  push(Kind::tensor, static_cast<int64_t>(pickle_.tensors.size() - 1));
}

}  // namespace

std::string_view python_name(PickleValue::Kind kind) {
  constexpr std::array<std::string_view, 11> kNames = {"None", "bool",     "int",   "float",
                                                       "str",  "callable", "tuple", "list",
                                                       "dict", "storage",  "tensor"};
  static_assert(kNames.size() == static_cast<size_t>(PickleValue::Kind::tensor) + 1);
  return kNames[static_cast<size_t>(kind)];
}

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  if (dict.kind != Kind::dict) return nullptr;
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& name = values[dict.items[i]];
    if (name.kind == Kind::text && name.text == key) return &values[dict.items[i + 1]];
  }
  return nullptr;
}

Pickle read_pickle(std::span<const std::byte> bytes, std::string_view where) {
  return Reader(bytes, where).run();
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
