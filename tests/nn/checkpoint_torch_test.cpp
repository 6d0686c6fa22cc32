#include <cstring>
#include <map>
#include <set>

#include "tests/nn/checkpoint_files.h"

namespace soragrad::nn::test {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(SORAGRAD_SOURCE_DIR) / "tests/golden/checkpoint";

// Two views of one storage of six floats, one transposed, and a tensor by the oldest function.
std::string state_of_views() {
  using namespace pickle;
  const std::string storage = pickle::storage("FloatStorage", "0", 6);
  return ordered_dict(text("a") + tensor(storage, 0, {2, 3}, {3, 1}) + text("b") +
                      tensor(storage, 0, {3, 2}, {1, 3}) + text("c") +
                      tensor(storage, 1, {2}, {2}) + text("d") +
                      call(global("torch._utils", "_rebuild_tensor"),
                           storage + integer(5) + numbers({}) + numbers({})) +
                      text("p") +
                      call(global("torch._utils", "_rebuild_parameter"),
                           tensor(storage, 0, {6}, {1}) + "\x88" + ordered_dict(""))) +
         "}" + text("_metadata") + ordered_dict("") + "sb";  // attributes are dropped
}

void check_views(const Checkpoint& checkpoint) {
  using Floats = std::vector<float>;
  CHECK(numbers<float>(checkpoint, "a") == Floats{0, 1, 2, 3, 4, 5});
  CHECK(numbers<float>(checkpoint, "b") == Floats{0, 3, 1, 4, 2, 5});
  CHECK(numbers<float>(checkpoint, "c") == Floats{1, 3});
  CHECK(numbers<float>(checkpoint, "d") == Floats{5});
  CHECK(numbers<float>(checkpoint, "p") == Floats{0, 1, 2, 3, 4, 5});
  REQUIRE(checkpoint.tensors().size() == 5);
  CHECK(checkpoint.mapped("a", DType::f32).has_value());
  CHECK(!checkpoint.mapped("b", DType::f32).has_value());                     // transposed
  CHECK(checkpoint.at("a").bytes.data() == checkpoint.at("p").bytes.data());  // tied
}

TEST_CASE("torch zip: views of one storage are read where they lie") {
  const TemporaryFolder folder;
  // A filler aligns the storage, as torch's padding does.
  std::string bytes, filler;
  do {
    bytes = zip({{"any/version", "3\n"},
                 {"any/filler", filler},
                 {"any/data.pkl", pickle::whole(state_of_views())},
                 {"any/data/0", raw<float>({0, 1, 2, 3, 4, 5})}},
                "a comment");
    filler += ' ';
  } while (bytes.find(raw<float>({0, 1, 2, 3, 4, 5})) % 4 != 0);
  check_views(open_checkpoint(folder.write("pytorch_model.bin", bytes)));
}

TEST_CASE("torch legacy: views of one storage are read where they lie") {
  const TemporaryFolder folder;
  std::string state = state_of_views(), bytes;
  do {
    bytes = legacy(state, {{"0", raw<float>({0, 1, 2, 3, 4, 5}), 6}});
    state = "\x80\x02" + state;  // a second protocol mark shifts the data by two bytes
  } while (bytes.find(raw<float>({0, 1, 2, 3, 4, 5})) % 4 > 1);
  const fs::path path = folder.write("pytorch_model.bin", bytes);
  const Checkpoint checkpoint = open_checkpoint(path);
  CHECK(numbers<float>(checkpoint, "b") == std::vector<float>{0, 3, 1, 4, 2, 5});
  CHECK(numbers<float>(checkpoint, "d") == std::vector<float>{5});
}

TEST_CASE("torch legacy: a view of a storage begins at its own offset") {
  const TemporaryFolder folder;
  using namespace pickle;
  const std::string view = tuple(text("v") + integer(2) + integer(4));
  const std::string state =
      ordered_dict(text("a") + tensor(storage("FloatStorage", "0", 6, view), 1, {2}, {1}) +
                   text("b") + tensor(storage("FloatStorage", "0", 6, "N"), 1, {2}, {1}));
  const Checkpoint checkpoint = open_checkpoint(
      folder.write("pytorch_model.bin", legacy(state, {{"0", raw<float>({0, 1, 2, 3, 4, 5}), 6}})));
  CHECK(numbers<float>(checkpoint, "a") == std::vector<float>{3, 4});
  CHECK(numbers<float>(checkpoint, "b") == std::vector<float>{1, 2});
}

TEST_CASE("torch: an ordered dict of pairs, as Python 2 wrote it, is read") {
  const TemporaryFolder folder;
  using namespace pickle;
  const std::string pair = "](U\1a" + tensor(storage("ByteStorage", "0", 2), 0, {2}, {1}) + "e";
  const std::string state = call(global("collections", "OrderedDict"), "](" + pair + "e");
  const Checkpoint checkpoint =
      open_checkpoint(folder.write("pytorch_model.bin", legacy(state, {{"0", "\x07\x09", 2}})));
  CHECK(numbers<int64_t>(checkpoint, "a") == std::vector<int64_t>{7, 9});
}

TEST_CASE("torch: members that are no tensors are listed and refused only when used") {
  const TemporaryFolder folder;
  using namespace pickle;
  // The dict also holds itself: a cycle.
  const std::string state = "}q\1(" + text("epoch") + integer(3) + text("self") + "h\1" +
                            text("x") + tensor(storage("ByteStorage", "0", 1), 0, {1}, {1}) + "u";
  const Checkpoint checkpoint = open_checkpoint(
      folder.write("pytorch_model.bin", zip({{"a/data.pkl", whole(state)}, {"a/data/0", "\x05"}})));
  CHECK(checkpoint.contains("epoch"));
  CHECK(contains(message_of([&] { numbers<float>(checkpoint, "epoch"); }), "holds a Python int"));
  CHECK(contains(message_of([&] { numbers<float>(checkpoint, "self"); }), "holds a Python dict"));
  CHECK(numbers<float>(checkpoint, "x") == std::vector<float>{5});
}

TEST_CASE("torch: every form that PyTorch writes equals the reference safetensors file") {
  const Checkpoint expected = open_checkpoint(kGolden / "expected.safetensors");
  REQUIRE(expected.tensors().size() == 24);
  std::set<DType> types;
  for (const char* name : {"state_zip.bin", "state_legacy.bin", "state_protocol4.bin"}) {
    const Checkpoint actual = open_checkpoint(kGolden / name);
    REQUIRE(actual.tensors().size() == expected.tensors().size());
    for (const StoredTensor& tensor : expected.tensors()) {
      CAPTURE(name);
      CAPTURE(tensor.name);
      const StoredTensor& other = actual.at(tensor.name);
      REQUIRE(other.dtype == tensor.dtype);
      REQUIRE(other.sizes == tensor.sizes);
      types.insert(*tensor.dtype);
      CHECK(raw(numbers<double>(actual, tensor.name)) ==
            raw(numbers<double>(expected, tensor.name)));
    }
    CHECK(actual.at("tied.a").bytes.data() == actual.at("tied.b").bytes.data());
    CHECK(!actual.at("transposed").contiguous());
    CHECK(numbers<int64_t>(actual, "i64") == std::vector<int64_t>{int64_t{1} << 53, -1, 0});
    CHECK(numbers<float>(actual, "old.LayerNorm.weight") == std::vector<float>{1.25f, 1.25f});
    CHECK(numbers<float>(actual, "f16")[4] == 0x1p-24f);  // the smallest half
  }
  CHECK(types.size() == 10);
}

TEST_CASE("torch zip: an archive that another tool deflated is read all the same") {
  const Checkpoint checkpoint = open_checkpoint(kGolden / "compressed.bin");
  CHECK(numbers<float>(checkpoint, "weight") == std::vector<float>(512, 1.0f));
  CHECK(numbers<float>(checkpoint, "bias") == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("torch zip: a pickle that PyTorch would run is refused by the name of what it runs") {
  const std::string message = message_of([&] { open_checkpoint(kGolden / "code.bin"); });
  CAPTURE(message);
  CHECK(contains(message, "refuses 'posix.system'"));
}

}  // namespace
}  // namespace soragrad::nn::test

// SPDX-License-Identifier: Apache-2.0
