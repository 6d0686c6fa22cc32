#include "nn/checkpoint/checkpoint.h"

#include <algorithm>

#include "tests/nn/checkpoint_files.h"

namespace soragrad::nn::test {
namespace {

namespace fs = std::filesystem;

// One tensor of two floats, in a file of its own.
std::string one_tensor(std::string_view name, float first) {
  std::string json =
      fmt::format(R"({{"{}":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}}})", name);
  json.resize((json.size() + 7) / 8 * 8, ' ');
  return safetensors(json, raw<float>({first, first + 1}));
}

TEST_CASE("checkpoint: old LayerNorm names become weight and bias, others stay") {
  CHECK(current_name("bert.encoder.LayerNorm.gamma") == "bert.encoder.LayerNorm.weight");
  CHECK(current_name("LayerNorm.beta") == "LayerNorm.bias");
  CHECK(current_name("layer.0.layer_norm.gamma") == "layer.0.layer_norm.weight");
  CHECK(current_name("block.gamma") == "block.gamma");
  CHECK(current_name("LayerNorm.gamma.scale") == "LayerNorm.gamma.scale");
  CHECK(current_name("gamma") == "gamma");
  CHECK(current_name("") == "");
}

TEST_CASE("checkpoint: a file with an old and a new name of one tensor is refused") {
  const TemporaryFolder folder;
  const std::string json = R"({"LayerNorm.gamma":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                           R"("LayerNorm.weight":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})";
  const fs::path path = folder.write("model.safetensors", safetensors(json, "ab"));
  const std::string message = message_of([&] { open_checkpoint(path); });
  CHECK(contains(message, "has 'LayerNorm.weight' twice"));
}

TEST_CASE("checkpoint: the first kind of weights in a folder is taken") {
  const TemporaryFolder folder;
  CHECK(contains(message_of([&] { open_checkpoint(folder.path()); }), "holds no weights"));
  // By content, not by ending: a .bin may hold safetensors.
  folder.write("pytorch_model.bin", one_tensor("x", 10));
  CHECK(numbers<float>(open_checkpoint(folder.path()), "x") == std::vector<float>{10, 11});
  folder.write("model.safetensors", one_tensor("x", 20));
  CHECK(numbers<float>(open_checkpoint(folder.path()), "x") == std::vector<float>{20, 21});
}

TEST_CASE("checkpoint: shards are joined through their index") {
  const TemporaryFolder folder;
  folder.write("a.safetensors", one_tensor("x", 1));
  folder.write(
      "b.bin",
      zip({{"b/data.pkl",
            pickle::whole("}" + pickle::text("LayerNorm.gamma") +
                          pickle::tensor(pickle::storage("FloatStorage", "0", 2), 0, {2}, {1}) +
                          "s")},
           {"b/data/0", raw<float>({5, 6})}}));
  folder.write("model.safetensors.index.json",
               "\xef\xbb\xbf{\"metadata\": {\"total_size\": 16, \"deep\": [{\"a\": null}]},"
               "\"weight_map\": {\"x\": \"a.safetensors\", \"LayerNorm.gamma\": \"b.bin\"}}");
  const Checkpoint checkpoint = open_checkpoint(folder.path());
  REQUIRE(checkpoint.tensors().size() == 2);
  CHECK(numbers<float>(checkpoint, "x") == std::vector<float>{1, 2});
  CHECK(numbers<float>(checkpoint, "LayerNorm.weight") == std::vector<float>{5, 6});
}

TEST_CASE("checkpoint: links of a Hugging Face cache are followed") {
  const TemporaryFolder folder;
  const fs::path snapshot = folder / "snapshots/rev";
  folder.write("blobs/c0ffee", one_tensor("x", 1));
  folder.write("snapshots/rev/model.safetensors.index.json",
               R"({"weight_map":{"x":"a.safetensors"}})");
  fs::create_symlink("../../blobs/c0ffee", snapshot / "a.safetensors");
  CHECK(numbers<float>(open_checkpoint(snapshot), "x") == std::vector<float>{1, 2});
}

TEST_CASE("checkpoint: indices that lead outside or contradict their shards are refused") {
  const TemporaryFolder folder;
  const fs::path model = folder / "model";
  fs::create_directories(model / "sub");
  folder.write("outside.safetensors", one_tensor("x", 1));
  folder.write("model/a.safetensors", one_tensor("x", 1));
  folder.write("model/b.safetensors", one_tensor("x", 2));
  folder.write("model/c.safetensors", one_tensor("y", 3));
  fs::create_symlink("../outside.safetensors", model / "link.safetensors");
  fs::create_symlink("loop.safetensors", model / "loop.safetensors");
  const std::pair<std::string, std::string> cases[] = {
      {R"({"weight_map":{"x":"../outside.safetensors"}})", "the index's own folder"},
      {R"({"weight_map":{"x":"/etc/passwd"}})", "the index's own folder"},
      {R"({"weight_map":{"x":"sub/../a.safetensors"}})", "the index's own folder"},
      {R"({"weight_map":{"x":"..\\outside.safetensors"}})", "the index's own folder"},
      {R"({"weight_map":{"x":".."}})", "the index's own folder"},
      {R"({"weight_map":{"x":""}})", "the index's own folder"},
      {"{\"weight_map\":{\"x\":\"a.safetensors\\u0000.txt\"}}", "the index's own folder"},
      {R"({"weight_map":{"x":"link.safetensors"}})", "a link to"},
      {R"({"weight_map":{"x":"loop.safetensors"}})", "which is missing"},
      {R"({"weight_map":{"x":"absent.safetensors"}})", "which is missing"},
      {R"({"weight_map":{"x":"sub"}})", "not a regular file"},
      {R"({"weight_map":{"x":"c.safetensors"}})", "does not list 'y'"},
      {R"({"weight_map":{"x":"a.safetensors","y":"a.safetensors"}})", "which lacks it"},
      {R"({"weight_map":{"x":"a.safetensors","z":"b.safetensors"}})", "but 'b.safetensors' holds"},
      {R"({"weight_map":{"x":"a.safetensors","x":"b.safetensors"}})", "'x' twice"},
      {R"({"weight_map":{},"weight_map":{}})", "'weight_map' twice"},
      {R"({"weight_map":{"x":7}})", "'x' is a number"},
      {R"({"weight_map":{"x":["a.safetensors"]}})", "'x' is an array"},
      {R"({"weight_map":["a.safetensors"]})", "'weight_map' is an array"},
      {R"({"weight_map":"a.safetensors"})", "'weight_map' is a string"},
      {R"({"metadata":{}})", "no 'weight_map'"},
      {R"([])", "the index is an array"},
      {R"({"weight_map":{"x":"a.safetensors"}} x)", "not valid JSON"},
      {"", "not valid JSON"},
      {"{\"m\":" + std::string(100000, '['), "deeper than"},
  };
  for (const auto& [index, expected] : cases) {
    CAPTURE(index.substr(0, 100));
    folder.write("model/model.safetensors.index.json", index);
    const std::string message = message_of([&] { open_checkpoint(model); });
    CAPTURE(message);
    CHECK(contains(message, expected));
    CHECK_FALSE(contains(message, "\n"));
  }
}

TEST_CASE("checkpoint: mapped bytes are the file's, of the wanted type, and outlive the reader") {
  const TemporaryFolder folder;
  std::optional<MappedBytes> mapped;
  {
    const Checkpoint checkpoint =
        open_checkpoint(folder.write("x.safetensors", one_tensor("x", 4)));
    CHECK(!checkpoint.mapped("x", DType::f64));
    CHECK_THROWS_AS(checkpoint.mapped("y", DType::f32), Error);
    mapped = checkpoint.mapped("x", DType::f32);
  }
  REQUIRE(mapped.has_value());
  REQUIRE(mapped->bytes.size() == 8);
  CHECK(reinterpret_cast<const float*>(mapped->bytes.data())[1] == 5.0f);
}

TEST_CASE("checkpoint: bytes that are not aligned are copied, not mapped") {
  const TemporaryFolder folder;
  std::string file = one_tensor("x", 4);
  file = safetensors(file.substr(8, file.size() - 16) + ' ', file.substr(file.size() - 8));
  const Checkpoint checkpoint = open_checkpoint(folder.write("x.safetensors", file));
  CHECK(!checkpoint.mapped("x", DType::f32));
  CHECK(numbers<float>(checkpoint, "x") == std::vector<float>{4, 5});
}

TEST_CASE("checkpoint: what is no file of weights is refused by name") {
  const TemporaryFolder folder;
  std::string tar(600, 'x');
  tar.replace(257, 5, "ustar");
  const std::pair<std::string, std::string> cases[] = {
      {tar, "is a tar archive"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer"},
      {pickle::whole(pickle::global("posix", "system")), "refuses 'posix.system'"},
      {pickle::whole("}"), "no torch checkpoint"},
      {"", "no torch checkpoint"},
  };
  for (const auto& [content, expected] : cases) {
    const fs::path path = folder.write("pytorch_model.bin", content);
    const std::string message = message_of([&] { open_checkpoint(path); });
    CAPTURE(message);
    CHECK(contains(message, expected));
  }
  const auto message = message_of([&] {
    open_checkpoint(folder.write("model.safetensors",
                                 "version https://git-lfs.github.com/spec/v1\noid sha256:1\n"));
  });
  CHECK(contains(message, "Git LFS pointer"));
  CHECK(contains(message_of([&] { open_checkpoint(folder / "absent"); }), "cannot be opened"));
  CHECK(contains(message_of([&] { open_checkpoint("/dev/zero"); }), "not a regular file"));
}

TEST_CASE("checkpoint: the three forms of the tiny DeBERTa hold the same names and shapes") {
  if (!shared_path("fixtures/models/deberta_tiny/model.safetensors")) {
    MESSAGE("SKIPPED: no fixtures beside the checkout");
    return;
  }
  const fs::path fixtures = *shared_path("fixtures");
  const Checkpoint reference = open_checkpoint(fixtures / "models/deberta_tiny");
  const Checkpoint halves = open_checkpoint(fixtures / "checkpoints/deberta_tiny_a_zip_fp16");
  const Checkpoint legacy = open_checkpoint(fixtures / "checkpoints/deberta_tiny_b_legacy_fp32");
  REQUIRE(reference.tensors().size() == 58);
  REQUIRE(halves.tensors().size() == 58);
  REQUIRE(legacy.tensors().size() == 58);
  CHECK(reference.metadata().at("format") == "pt");
  for (const StoredTensor& tensor : reference.tensors()) {
    CAPTURE(tensor.name);
    REQUIRE(halves.at(tensor.name).sizes == tensor.sizes);
    CHECK(halves.at(tensor.name).dtype == DType::f16);
    REQUIRE(legacy.at(tensor.name).sizes == tensor.sizes);
    const std::vector<float> expected = numbers<float>(reference, tensor.name);
    CHECK(numbers<float>(legacy, tensor.name) == expected);
    const std::vector<float> rounded = numbers<float>(halves, tensor.name);
    // Half the distance of two halves, relative; absolute among the subnormals.
    const bool is_close =
        std::equal(rounded.begin(), rounded.end(), expected.begin(), [](float half, float full) {
          return std::abs(half - full) <= std::max(std::abs(full) * 0x1p-11f, 0x1p-25f);
        });
    CHECK(is_close);
  }
}

}  // namespace
}  // namespace soragrad::nn::test

// SPDX-License-Identifier: Apache-2.0
