// Hostile files. They are read with an address space limit a little above what the program already
// uses, so that a reader that believes a claimed size fails here.
#include <sys/resource.h>

#include <cstdio>

#include "nn/checkpoint/safetensors.h"
#include "nn/checkpoint/torch_legacy.h"
#include "nn/checkpoint/torch_zip.h"
#include "tests/nn/checkpoint_files.h"

namespace soragrad::nn::test {
namespace {

using namespace pickle;

constexpr int kBigInt = 0x7fffffff;

// Limits the address space to what is in use and some MiB while it lives. Address sanitizers
// reserve terabytes, so there it does nothing.
class MemoryLimit {
 public:
  explicit MemoryLimit(size_t mebibytes) {
    ::getrlimit(RLIMIT_AS, &old_);
#if !defined(__SANITIZE_ADDRESS__)
    size_t pages = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
      if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
      std::fclose(file);
    }
    REQUIRE(pages > 0);
    const rlim_t limit = pages * 4096 + (mebibytes << 20);
    const rlimit bounded{limit, old_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_AS, &bounded) == 0);
#else
    (void)mebibytes;
#endif
  }
  ~MemoryLimit() {
    ::setrlimit(RLIMIT_AS, &old_);
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  rlimit old_{};
};

FileBytes bytes_of(const std::string& text) {
  return {std::as_bytes(std::span(text.data(), text.size())), nullptr, "file"};
}

void check_refused(const std::string& bytes, std::string_view expected, bool is_zip) {
  CAPTURE(expected);
  const std::string message = message_of([&] {
    const std::vector<StoredTensor> tensors =
        is_zip ? read_torch_zip(bytes_of(bytes)) : read_torch_legacy(bytes_of(bytes));
  });
  CAPTURE(message);
  CHECK(contains(message, expected));
  CHECK(message.starts_with("[file] "));
  CHECK_FALSE(contains(message, "\n"));
  CHECK(message.size() < 600);
}

const std::string kFloats = storage("FloatStorage", "0", 4);

std::string dict_of(const std::string& value) {
  return "}" + text("x") + value + "s";
}

TEST_CASE("torch pickle: whatever is no state dict is refused in one line") {
  std::string many_pairs = "](";
  for (int i = 0; i < 20000; ++i) many_pairs += "](K\1K\1e";
  many_pairs += "e";
  std::string bomb = global("collections", "OrderedDict") + "q\1" + many_pairs + "q\2";
  for (int i = 0; i < 2000; ++i) bomb += "h\1h\2\x85R";
  std::string long_name(100000, 'n');
  const std::pair<std::string, std::string> cases[] = {
      {global("os", "system") + tuple(text("true")) + "R", "refuses 'os.system'"},
      {global("builtins", "eval"), "refuses 'builtins.eval'"},
      {global("torch", "load"), "refuses 'torch.load'"},
      {global("collections", "OrderedDict "), "refuses 'collections.OrderedDict '"},
      {global("torch.storage", "_load_from_bytes"), "refuses 'torch.storage._load_from_bytes'"},
      {global(long_name, "x"), "n.x'"},
      {text("nt") + text("system") + "\x93", "refuses 'nt.system'"},
      {"(" + text("true") + "ios\nsystem\n", "refuses 'os.system'"},
      {"(icollections\nOrderedDict\n", "instance of 'collections.OrderedDict'"},
      {"cos", "ends inside a name"},
      {"\x81", "opcode 0x81"},
      {"S'text'\n", "opcode 0x53"},
      {text("os.system") + ")R", "calls a str"},
      {global("torch", "FloatStorage") + ")R", "calls 'torch.FloatStorage'"},
      {global("torch._utils", "_rebuild_tensor_v2") + "}R", "calls a callable"},
      {"", "empty stack"},
      {"K\1", "holds a value of type int"},
      {"R", "empty stack"},
      {"t", "lacks a mark"},
      {"(R", "empty stack"},
      {"h\7", "recalls value 7"},
      {"}(K\1u", "adds 1 members"},
      {"](K\1u", "adds 1 members to a list"},
      {"\x8a\xff", "past 64 bits"},
      {"X\xff\xff\xff\xff", "inside a value of 4294967295 bytes"},
      {std::string(3 << 20, ']'), "more than 1048576 values"},
      {std::string(3 << 20, '('), "nests more than"},
      {bomb, "copies more than"},
      {"}K\1K\2s", "has a key of type int"},
      {dict_of("K\1") + text("x") + "K\2s", "has 'x' twice"},
      {dict_of("K\1") + "\x80\x09", "protocol 9"},
      {dict_of(tensor(kFloats, 1, {4}, {1})), "leaves its storage of 4 elements"},
      {dict_of(tensor(kFloats, 0, {2, 2}, {3, 1})), "leaves its storage"},
      {dict_of(tensor(kFloats, 0, {kBigInt, kBigInt}, {kBigInt, kBigInt})), "leaves its storage"},
      {dict_of(tensor(kFloats, 0, {kBigInt, kBigInt}, {0, 0})), "is expanded from only 4"},
      {dict_of(tensor(kFloats, 0, {kBigInt, kBigInt, kBigInt}, {0, 0, 0})), "2^63 elements"},
      {dict_of(tensor(kFloats, kBigInt, {0}, {1})), "leaves its storage"},
      {dict_of(tensor(kFloats, -1, {1}, {1})), "begins at element -1"},
      {dict_of(tensor(kFloats, 0, {-1}, {1})), "size or stride -1"},
      {dict_of(tensor(kFloats, 0, {2}, {-1})), "size or stride -1"},
      {dict_of(tensor(kFloats, 0, {2}, {1, 1})), "1 sizes, 2 strides"},
      {dict_of(tensor(kFloats, 0, std::vector<int32_t>(99, 1), {1})), "99 dimensions"},
      {dict_of(tensor(storage("FloatStorage", "0", -1), 0, {0}, {1})), "described wrongly"},
      {dict_of(tensor(storage("OrderedDict", "0", 4), 0, {4}, {1})), "refuses 'torch.OrderedDict'"},
      {dict_of(tensor(storage("FloatStorage", "0", kBigInt), 0, {1}, {1})), "2147483647 elements"},
      {dict_of(tensor(storage("DoubleStorage", "0", 4), 0, {4}, {1})), "4 elements of F64"},
      {dict_of(tensor("K\1", 0, {4}, {1})), "is no storage"},
      {dict_of(tensor(kFloats, 0, {4}, {1})) + text("y") +
           tensor(storage("HalfStorage", "0", 8), 0, {4}, {1}) + "s",
       "described twice"},
      {dict_of(call(global("torch._utils", "_rebuild_parameter"), "K\1")), "is no tensor"},
  };
  const MemoryLimit limit(256);
  for (const auto& [value, expected] : cases) {
    check_refused(zip({{"a/data.pkl", whole(value)}, {"a/data/0", std::string(16, 'f')}}), expected,
                  true);
    // The old form states sizes beside the data, so there contradictions are found earlier.
    const bool is_size = expected.find("elements") != expected.npos && expected[0] != 'l';
    const bool has_storage = value.find("storage") != value.npos;
    const std::vector<LegacyStorage> none, one = {{"0", std::string(16, 'f'), 4}};
    check_refused(
        legacy(value, has_storage ? one : none),
        is_size && expected.find("2^63") == expected.npos ? "storage '0' should have" : expected,
        false);
  }
}

TEST_CASE("torch pickle: lazy negation is refused") {
  const std::string arguments =
      kFloats + integer(0) + numbers({4}) + numbers({1}) + "\x89N}" + text("neg") + "\x88s";
  const std::string value = dict_of(call(global("torch._utils", "_rebuild_tensor_v2"), arguments));
  check_refused(zip({{"a/data.pkl", whole(value)}, {"a/data/0", std::string(16, 'f')}}),
                "lazy negation", true);
}

TEST_CASE("safetensors: a giant text or number costs no more than the file") {
  constexpr size_t kGiant = 90'000'000;
  for (const auto& [begin, filler] :
       {std::pair{"{\"", 'a'}, std::pair{"{\"x\":{\"shape\":[", '9'}, std::pair{"{\"\\\"", 'a'}}) {
    const std::string bytes = safetensors(begin + std::string(kGiant, filler), "");
    const MemoryLimit limit(64);
    const std::string message = message_of([&] { read_safetensors(bytes_of(bytes)); });
    CAPTURE(message);
    CHECK(contains(message, "a text or number of more than 8388608 bytes"));
  }
  // An escaped quote ends no text, and many short ones are no long one.
  const std::string good = safetensors(R"({"__metadata__":{"a\\":"\"","b":"[1,2]"}})", "");
  CHECK(read_safetensors(bytes_of(good)).metadata.at("a\\") == "\"");
}

TEST_CASE("torch zip: damaged and hostile archives are refused in one line") {
  const std::string state = whole(dict_of(tensor(kFloats, 0, {4}, {1})));
  const ZipMember pickled{"a/data.pkl", state}, data{"a/data/0", std::string(16, 'f')};
  const std::string good = zip({pickled, data});
  REQUIRE(read_torch_zip(bytes_of(good)).size() == 1);
  const auto with = [&](auto change) {
    ZipMember changed = data;
    change(changed);
    return zip({pickled, changed});
  };
  std::string no_directory = good;
  no_directory.replace(good.rfind("PK\5\6"), 4, "PK\5\7");
  std::string zip64 = good.substr(0, good.rfind("PK\5\6"));
  zip64 += "PK\6\7" + le<uint32_t>(0) + le<uint64_t>(uint64_t{1} << 63) + le<uint32_t>(1) +
           good.substr(good.rfind("PK\5\6"));
  const std::pair<std::string, std::string> cases[] = {
      {"PK\3\4", "cut off at 4 bytes"},
      {good.substr(0, good.size() - 1), "no directory"},
      {good.substr(0, good.size() / 2), "no directory"},
      {no_directory, "no directory"},
      {zip64, "points to bytes 9223372036854775808"},
      {zip({pickled, data}, "", 60000), "does not fit the file"},
      {zip({pickled, data}, "", 3), "does not fit the file"},
      {zip({data}), "without data.pkl"},
      {zip({pickled, {"b/data.pkl", state}, data}), "unclear"},
      {zip({pickled, data, data}), "'a/data/0' twice"},
      {zip({pickled}), "no zip member 'a/data/0'"},
      {with([](ZipMember& m) { m.flags = 1; }), "is encrypted"},
      {with([](ZipMember& m) { m.offset = 0; }), "not where the directory says"},
      {with([](ZipMember& m) { m.offset = 0x7fffffff; }), "points to bytes 2147483647"},
      {with([](ZipMember& m) { m.local_name = "a/data/1"; }), "not where the directory says"},
      {with([](ZipMember& m) { m.size = 0x7fffffff; }), "is stored, yet has 16 bytes"},
      {with([](ZipMember& m) { m.size = m.compressed = 0x7fffffff; }), "runs into the directory"},
      {with([](ZipMember& m) { m.size = m.compressed = 17; }), "runs into the directory"},
      {with([](ZipMember& m) { m.size = m.compressed = 15; }), "has 15 bytes, where 4 elements"},
      {with([](ZipMember& m) { m.size = 0xffffffff; }), "lacks its 64-bit sizes"},
      {with([](ZipMember& m) { m.method = 8, m.size = 0x7fffffff; }),
       "would inflate to 2147483647"},
      {with([](ZipMember& m) { m.method = 8; }), "does not inflate"},
      {with([](ZipMember& m) { m.method = 99; }), "cannot be opened by libzip"},
      {zip({pickled, data, {"a/byteorder", "big"}}), "byte order 'big'"},
      {zip({{"a/data.pkl", ""}, data}), "inside a value of 1 bytes"},
      {zip({{"a/other", std::string(40, 'o')},
            pickled,
            data,
            {"a/twin", "", 8, 0, 16, 16, 0, "a/other"}}),
       "not where the directory says"},
  };
  const MemoryLimit limit(128);
  for (const auto& [bytes, expected] : cases) check_refused(bytes, expected, true);
}

TEST_CASE("torch zip: members that overlap are refused") {
  // The second member's header lies in the first one's data.
  const std::string inner = zip({{"a/data/0", std::string(16, 'f')}});
  const std::string state = whole(dict_of(tensor(kFloats, 0, {4}, {1})));
  const std::string outer = zip({{"a/data.pkl", state}, {"a/cover", inner}});
  const auto offset = static_cast<int64_t>(outer.find(inner));
  const std::string bytes =
      zip({{"a/data.pkl", state},
           {"a/cover", inner},
           {.name = "a/data/0", .data = "", .size = 16, .compressed = 16, .offset = offset}});
  check_refused(bytes, "members overlap", true);
}

TEST_CASE("torch legacy: damaged and hostile files are refused in one line") {
  const std::string state = dict_of(tensor(kFloats, 0, {4}, {1}));
  const std::string data(16, 'f');
  const std::string good = legacy(state, {{"0", data, 4}});
  REQUIRE(read_torch_legacy(bytes_of(good)).size() == 1);
  const std::pair<std::string, std::string> cases[] = {
      {kLegacyMagic, "inside a value of 1 bytes"},
      {kLegacyMagic + whole("K\1"), "torch protocol 1"},
      {kLegacyMagic + whole("M" + le<uint16_t>(1001)) + whole("K\1"), "little-endian"},
      {legacy(state, {{"0", data, 4}}, whole("}" + text("little_endian") + "\x89s")),
       "little-endian"},
      {good.substr(0, good.size() - 1), "with 15 bytes left"},
      {good.substr(0, good.size() - 20), "says -1 with 0 bytes left"},
      {good + "x", "1 bytes after its last storage"},
      {legacy(state, {}), "lists 0 storages"},
      {legacy(state, {{"0", data, 4}, {"0", data, 4}}), "lists 2 storages"},
      {legacy(state, {{"1", data, 4}}), "lists storage '1'"},
      {legacy(state, {{"0", data, INT64_MAX}}), "says 9223372036854775807"},
      {legacy(state, {{"0", data, INT64_MIN}}), "says -9223372036854775808"},
      {legacy(state, {{"0", data, 3}}), "says 3"},
      {legacy(dict_of(tensor(
                  storage("FloatStorage", "0", 4, tuple(text("v") + integer(-2) + integer(2))), 0,
                  {2}, {1})),
              {{"0", data, 4}}),
       "viewed from element -2"},
      {legacy(dict_of(tensor(
                  storage("FloatStorage", "0", 4, tuple(text("v") + integer(3) + integer(2))), 0,
                  {2}, {1})),
              {{"0", data, 4}}),
       "leaves its storage"},
  };
  const MemoryLimit limit(128);
  for (const auto& [bytes, expected] : cases) check_refused(bytes, expected, false);
}

}  // namespace
}  // namespace soragrad::nn::test

// SPDX-License-Identifier: Apache-2.0
