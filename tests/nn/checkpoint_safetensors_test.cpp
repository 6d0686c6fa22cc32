#include <cmath>
#include <limits>

#include "core/tensor.h"
#include "nn/checkpoint/safetensors.h"
#include "tests/nn/checkpoint_files.h"

namespace soragrad::nn::test {
namespace {

// The bytes must outlive the tensors, which view them.
Safetensors read(const std::string& bytes) {
  return read_safetensors({std::as_bytes(std::span(bytes.data(), bytes.size())), nullptr, "file"});
}

TEST_CASE("safetensors: what is written is read back bit by bit") {
  const TemporaryFolder folder;
  const std::vector<float> floats = {1.5f,
                                     -0.0f,
                                     std::numeric_limits<float>::denorm_min(),
                                     std::numeric_limits<float>::quiet_NaN(),
                                     HUGE_VALF,
                                     3e-39f};
  const std::vector<int64_t> integers = {INT64_MIN, -1, INT64_MAX};
  const std::vector<bfloat16> halves = {{0x3f80}, {0x0001}};
  SafetensorsWriter writer({{"format", "pt"}, {"note", "a \"quoted\"\nline"}});
  writer.add<float>("b.weight", std::vector<int64_t>{2, 3}, floats);
  writer.add<bfloat16>("half", std::vector<int64_t>{2}, halves);
  writer.add<int64_t>("ids", std::vector<int64_t>{3}, integers);
  writer.add<float>("a.weight", std::vector<int64_t>{}, std::span(floats).first(1));
  writer.add<float>("empty", std::vector<int64_t>{0, 4}, {});
  writer.write(folder / "x.safetensors");

  const Checkpoint checkpoint = open_checkpoint(folder / "x.safetensors");
  CHECK(checkpoint.metadata().at("note") == "a \"quoted\"\nline");
  std::vector<std::string> names;
  for (const StoredTensor& tensor : checkpoint.tensors()) names.push_back(tensor.name);
  CHECK(names == std::vector<std::string>{"ids", "a.weight", "b.weight", "empty", "half"});
  CHECK(checkpoint.at("b.weight").sizes == std::vector<int64_t>{2, 3});
  CHECK(checkpoint.at("a.weight").sizes.empty());
  CHECK(raw(numbers<float>(checkpoint, "b.weight")) == raw(floats));
  CHECK(numbers<int64_t>(checkpoint, "ids") == integers);
  CHECK(numbers<float>(checkpoint, "half") == std::vector<float>{1.0f, 0x1p-133f});
  CHECK(numbers<float>(checkpoint, "empty").empty());
  CHECK(checkpoint.mapped("ids", DType::i64).has_value());  // the data is aligned

  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    files += entry.is_regular_file();
  }
  CHECK(files == 1);  // no temporary file stays
}

TEST_CASE("safetensors: a mapped tensor can be written, in memory alone") {
  const TemporaryFolder folder;
  const std::vector<float> floats(5000, 1.5f);  // some pages
  SafetensorsWriter writer;
  writer.add<float>("x", std::vector<int64_t>{5000}, floats);
  writer.write(folder / "x.safetensors");
  const Checkpoint checkpoint = open_checkpoint(folder / "x.safetensors");
  const auto mapped = checkpoint.mapped("x", DType::f32);
  REQUIRE(mapped.has_value());
  auto* bytes = const_cast<std::byte*>(mapped->bytes.data());
  const Tensor x(std::make_shared<Storage>(Device::cpu, bytes, mapped->bytes.size(), mapped->owner),
                 0, {5000}, DType::f32);
  const uint64_t version = x.storage()->version();
  x.elements<float>()[3000] = 7;
  CHECK(x.storage()->version() > version);
  x.storage()->drop_mapped_pages();  // now leaves them alone
  CHECK(x.elements<float>()[3000] == 7);
  CHECK(numbers<float>(open_checkpoint(folder / "x.safetensors"), "x") == floats);
  x.fill_zero();
  CHECK(x.to_vector<float>() == std::vector<float>(5000));
}

TEST_CASE("safetensors: the bytes are those of the reference implementation") {
  const float numbers[] = {1, 2};
  const TemporaryFolder folder;
  SafetensorsWriter writer;
  writer.add<float>("x", std::vector<int64_t>{2}, numbers);
  writer.write(folder / "x");
  std::string json =
      R"({"__metadata__":{"format":"pt"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  json.resize((json.size() + 7) / 8 * 8, ' ');
  CHECK(read_text(folder / "x") == safetensors(json, raw<float>({1, 2})));
}

TEST_CASE("safetensors: a write that fails leaves the old file and no other") {
  const TemporaryFolder folder;
  folder.write("x", "old");
  SafetensorsWriter writer;
  CHECK_THROWS_AS(writer.add<float>("x", std::vector<int64_t>{3}, std::vector<float>{1}), Error);
  const float one[] = {1};
  writer.add<float>("x", std::vector<int64_t>{1}, one);
  CHECK_THROWS_AS(writer.add<float>("x", std::vector<int64_t>{1}, one), Error);
  CHECK(contains(message_of([&] { writer.write(folder / "absent/x"); }), "cannot be created"));
  folder.write("taken/inside", "");
  CHECK(contains(message_of([&] { writer.write(folder / "taken"); }), "cannot be replaced"));
  CHECK(read_text(folder / "x") == "old");
  std::filesystem::create_symlink("x", folder / "link");
  writer.write(folder / "link");  // replaces what the link names
  CHECK(read_text(folder / "x").size() > 8);
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 3);
}

TEST_CASE("safetensors: a byte order mark and padding are accepted, order is free") {
  const std::string json =
      "\xef\xbb\xbf{\"b\":{\"shape\":[1],\"data_offsets\":[2,4],\"dtype\":\"F16\"},"
      "\"z\":{\"dtype\":\"F64\",\"shape\":[0],\"data_offsets\":[2,2]},"
      "\"a\":{\"dtype\":\"U8\",\"shape\":[1,2],\"data_offsets\":[0,2]}}   ";
  const std::string bytes = safetensors(json, "abcd");
  const Safetensors file = read(bytes);
  REQUIRE(file.tensors.size() == 3);
  CHECK(file.tensors[0].name == "b");
  CHECK(file.tensors[2].sizes == std::vector<int64_t>{1, 2});
  CHECK(read(safetensors("{}", "")).tensors.empty());
}

TEST_CASE("safetensors: unknown types and high ranks are listed, refused only when used") {
  const std::string bytes =
      safetensors(R"({"f8":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]},)"
                  R"("new":{"dtype":"F3","shape":[8],"data_offsets":[2,5]},)"
                  R"("deep":{"dtype":"U8","shape":[1,1,1,1,1],"data_offsets":[5,6]},)"
                  R"("good":{"dtype":"U8","shape":[1],"data_offsets":[6,7]}})",
                  "abcdefg");
  const Safetensors file = read(bytes);
  std::vector<float> numbers(8);
  const auto refusal = [&](size_t i) {
    return message_of([&] {
      const auto numel = static_cast<size_t>(file.tensors[i].numel());
      copy_to(file.tensors[i], std::span(numbers).first(numel));
    });
  };
  CHECK(contains(refusal(0), "'f8' holds F8_E4M3, which cannot be loaded"));
  CHECK(contains(refusal(1), "'new' holds F3"));
  CHECK(contains(refusal(2), "'deep' has 5 dimensions"));
  CHECK(refusal(3).empty());
  CHECK(numbers[0] == 'g');
}

TEST_CASE("safetensors: damaged and hostile files are refused in one line") {
  const std::string good = R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  const auto entry = [](std::string_view fields) {
    return fmt::format(R"({{"x":{{{}}}}})", fields);
  };
  const auto placed = [](int begin, int end) {
    return fmt::format(R"({{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}})", end - begin,
                       begin, end);
  };
  std::string deep_shape = "1";
  for (int i = 0; i < 1000; ++i) deep_shape += ",1";
  const std::pair<std::string, std::string> cases[] = {
      {"", "0 bytes, too few"},
      {"1234567", "7 bytes, too few"},
      {le<uint64_t>(uint64_t{1} << 63) + "{}", "claims a header of 9223372036854775808 bytes"},
      {le<uint64_t>(~uint64_t{0}) + "{}", "claims a header of 18446744073709551615 bytes"},
      {le<uint64_t>(100'000'001) + "{}", "claims a header of 100000001 bytes"},
      {le<uint64_t>(3) + "{}", "claims a header of 3 bytes"},
      {safetensors("", ""), "not valid JSON"},
      {safetensors("[]", ""), "the header is an array"},
      {safetensors("{} {}", ""), "not valid JSON"},
      {safetensors("{\"x\":\"\xff\"}", ""), "not valid JSON"},
      {safetensors(R"({"x":[1]})", ""), "'x' is an array"},
      {safetensors(R"({"x":null})", ""), "'x' is null"},
      {safetensors(std::string(1 << 20, '['), ""), "the header is an array"},
      {safetensors(R"({"x":{"shape":)" + std::string(1 << 20, '['), ""), "is an array"},
      {safetensors(good, "abc"), "tensors end at byte 2 of 3"},
      {safetensors(good, "a"), "cut off or damaged"},
      {safetensors(entry(R"("dtype":"U8","shape":[2])"), "ab"), "has no 'data_offsets'"},
      {safetensors(entry(R"("dtype":"U8","data_offsets":[0,2])"), "ab"), "has no 'shape'"},
      {safetensors(entry(R"("dtype":"U8","dtype":"U8")"), "ab"), "a key twice in 'x'"},
      {safetensors(entry(R"("dtype":"U8","extra":1)"), "ab"), "unknown key 'extra'"},
      {safetensors(entry(R"("dtype":1)"), "ab"), "'dtype' of 'x' is a number"},
      {safetensors(entry(R"("shape":"2")"), "ab"), "'shape' of 'x' is a string"},
      {safetensors(entry(R"("shape":[-1])"), "ab"), "is a negative number"},
      {safetensors(entry(R"("shape":[1.0])"), "ab"), "no 64-bit integer"},
      {safetensors(entry(R"("shape":[99999999999999999999])"), "ab"), "no 64-bit integer"},
      {safetensors(entry(R"("shape":[9223372036854775808])"), "ab"), "past 63 bits"},
      {safetensors(entry("\"shape\":[" + deep_shape + "]"), "ab"), "more than 64 dimensions"},
      {safetensors(entry(R"("data_offsets":[0])"), "ab"), "has 1 data_offsets"},
      {safetensors(entry(R"("data_offsets":[0,1,2])"), "ab"), "more than two data_offsets"},
      {safetensors(entry(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,2])"),
                   "ab"),
       "more than 2^63 elements"},
      {safetensors(entry(R"("dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0])"),
                   ""),
       "does not fill the 0 bytes"},
      {safetensors(entry(R"("dtype":"F16","shape":[2],"data_offsets":[0,2])"), "ab"),
       "does not fill the 2 bytes"},
      {safetensors(entry(R"("dtype":"U8","shape":[2],"data_offsets":[2,0])"), "ab"),
       "bytes 2 to 0"},
      {safetensors(entry(R"("dtype":"U8","shape":[2],"data_offsets":[0,18446744073709551615])"),
                   "ab"),
       "bytes 0 to 18446744073709551615"},
      {safetensors("{\"x\":" + placed(0, 2) + ",\"y\":" + placed(1, 3) + "}", "abc"),
       "'y' begins at byte 1, where 2 is due; tensors must not overlap"},
      {safetensors("{\"x\":" + placed(0, 1) + ",\"y\":" + placed(2, 3) + "}", "abc"),
       "must not leave holes"},
      {safetensors("{\"x\":" + placed(0, 2) + ",\"x\":" + placed(0, 2) + "}", "ab"),
       "a key twice in 'x'"},
      {safetensors("{\"" + std::string(5000, 'n') + "\":{}}", ""), "a name of 5000 bytes"},
      {safetensors(R"({"__metadata__":{"a":"1","a":"2"}})", ""), "twice in '__metadata__'"},
      {safetensors(R"({"__metadata__":{"a":1}})", ""), "'a' of '__metadata__' is a number"},
      {safetensors(R"({"__metadata__":{"a":null}})", ""), "null"},
      {safetensors(R"({"x":null})", ""), "null"},
      {safetensors(R"({"evil\nname":{"dtype":"U8"}})", ""), "'evil?name' has no 'shape'"},
  };
  for (const auto& [bytes, expected] : cases) {
    CAPTURE(bytes.substr(0, 200));
    const std::string message = message_of([&] { read(bytes); });
    CAPTURE(message);
    CHECK(contains(message, expected));
    CHECK(message.starts_with("[file] "));
    CHECK_FALSE(contains(message, "\n"));
    CHECK(message.size() < 400);
  }
}

}  // namespace
}  // namespace soragrad::nn::test

// SPDX-License-Identifier: Apache-2.0
