#include "cli/hub/glue_archives.h"

#include <fmt/ranges.h>
#include <zip.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"

namespace soragrad::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostBytes = int64_t{2} << 30;  // of all texts of an archive; MNLI has 0.4 GiB
constexpr const char* kRecord = ".fetched.json";

// Sources: the Hugging Face loader of GLUE and its checksums.
constexpr GlueArchive kArchives[] = {
    {"cola", "glue/data/CoLA.zip", "CoLA", 376971, "f212fcd8"},
    {"sst2", "glue/data/SST-2.zip", "SST-2", -1, "d67e16fb"},
    {"mrpc", "senteval/senteval_data/msr_paraphrase_train.txt", "MRPC/msr_paraphrase_train.txt", -1,
     "60a9b090"},
    {"mrpc", "senteval/senteval_data/msr_paraphrase_test.txt", "MRPC/msr_paraphrase_test.txt", -1,
     "a04e2710"},
    {"mrpc", "glue/data/mrpc_dev_ids.tsv", "MRPC/dev_ids.tsv", -1, "971d7767"},
    {"stsb", "glue/data/STS-B.zip", "STS-B", -1, "e60a6393"},
    {"qqp", "glue/data/QQP-clean.zip", "QQP", -1, "40e7c862"},
    {"mnli", "glue/data/MNLI.zip", "MNLI", 312783507, "e7c1d896"},
    {"qnli", "glue/data/QNLIv2.zip", "QNLI", -1, "e634e786"},
    {"rte", "glue/data/RTE.zip", "RTE", -1, "6bf86de1"},
    {"wnli", "glue/data/WNLI.zip", "WNLI", -1, "ae0e8e4d"},
    {"ax", "glue/data/AX.tsv", "AX/AX.tsv", -1, "0e13510b"},
};

struct CloseZip {
  void operator()(zip_t* zip) const { zip_discard(zip); }
};
struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};
using Zip = std::unique_ptr<zip_t, CloseZip>;

Zip open_zip(const fs::path& path) {
  int code = 0;
  Zip zip(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (zip) return zip;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  fail("[fetch] {} is no zip archive that can be read: {}.", path.string(), reason);
}

// The name of a text in the archive's folder; nothing for other members.
std::optional<std::string> text_name(std::string_view member, std::string_view folder) {
  if (!member.starts_with(folder) || member.size() <= folder.size() + 1 ||
      member[folder.size()] != '/') {
    return std::nullopt;
  }
  const std::string_view name = member.substr(folder.size() + 1);
  const bool is_plain = name.front() != '.' && std::ranges::all_of(name, [](unsigned char c) {
                          return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                        });
  const bool is_text = name.ends_with(".tsv") || name.ends_with(".txt");
  return is_plain && is_text ? std::optional<std::string>(name) : std::nullopt;
}

std::string read_member(zip_t* zip, uint64_t number, const zip_stat_t& status,
                        const fs::path& path) {
  const std::unique_ptr<zip_file_t, CloseMember> member(zip_fopen_index(zip, number, 0));
  require(member != nullptr, "[fetch] {}: {} cannot be read: {}.", path.string(),
          shown(status.name), zip_strerror(zip));
  std::string bytes(status.size, '\0');
  uint64_t done = 0;
  while (done < status.size) {
    const zip_int64_t count = zip_fread(member.get(), bytes.data() + done, status.size - done);
    require(count > 0, "[fetch] {}: {} is damaged.", path.string(), shown(status.name));
    done += static_cast<uint64_t>(count);
  }
  char more = 0;  // the checksum is compared at the end
  require(zip_fread(member.get(), &more, 1) == 0, "[fetch] {}: {} is damaged.", path.string(),
          shown(status.name));
  return bytes;
}

}  // namespace

std::vector<GlueArchive> glue_archives(std::string_view task) {
  std::vector<GlueArchive> found;
  std::vector<std::string_view> tasks{"glue"};
  for (const GlueArchive& archive : kArchives) {
    if (task == "glue" || archive.task == task) found.push_back(archive);
    if (tasks.back() != archive.task) tasks.push_back(archive.task);
  }
  if (found.empty()) {
    throw UsageError(fmt::format("[fetch] there is no task {}; tasks: {}.", quote(task),
                                 fmt::join(tasks, ", ")));
  }
  return found;
}

std::string glue_endpoint() {
  const char* given = std::getenv("GLUE_ENDPOINT");
  std::string endpoint = given && *given ? given : "https://dl.fbaipublicfiles.com";
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (!endpoint.starts_with("https://") && !endpoint.starts_with("http://")) {
    throw UsageError(fmt::format("[fetch] GLUE_ENDPOINT is {}; an address begins with https://.",
                                 quote(endpoint)));
  }
  return endpoint;
}

std::vector<fs::path> unpacked_files(const GlueArchive& archive, const fs::path& output) {
  const fs::path folder = output / archive.target;
  std::vector<fs::path> files;
  try {
    if (!is_file(folder / kRecord)) return {};
    const nlohmann::json record = read_json_object(folder / kRecord);
    if (record.at("archive") != archive.source) return {};
    for (const auto& [name, bytes] : record.at("files").items()) {
      if (!text_name(fmt::format("{}/{}", archive.target, name), archive.target)) return {};
      if (!is_file(folder / name) || fs::file_size(folder / name) != bytes.get<uint64_t>())
        return {};
      files.push_back(folder / name);
    }
  } catch (const nlohmann::json::exception&) {  // not ours: unpacked again
    return {};
  }
  return files;
}

std::vector<fs::path> unpack(const GlueArchive& archive, const fs::path& zip_file,
                             const fs::path& output) {
  const Zip zip = open_zip(zip_file);
  const fs::path folder = output / archive.target;
  make_folders(folder);
  std::vector<fs::path> files;
  nlohmann::json sizes = nlohmann::json::object();
  uint64_t total = 0;
  const auto members =
      static_cast<uint64_t>(std::max<zip_int64_t>(zip_get_num_entries(zip.get(), 0), 0));
  for (uint64_t i = 0; i < members; ++i) {
    zip_stat_t status;
    if (zip_stat_index(zip.get(), i, 0, &status) != 0 || (status.valid & ZIP_STAT_SIZE) == 0 ||
        (status.valid & ZIP_STAT_NAME) == 0) {
      continue;
    }
    const std::optional<std::string> name = text_name(status.name, archive.target);
    if (!name) continue;
    total += status.size;
    require(status.size <= kMostBytes && total <= kMostBytes,
            "[fetch] {}: its texts have more than {} bytes.", zip_file.string(), kMostBytes);
    write_file_atomically((folder / *name).string(), read_member(zip.get(), i, status, zip_file));
    files.push_back(folder / *name);
    sizes[*name] = status.size;
  }
  require(!files.empty(), "[fetch] {} holds no texts in a folder {}.", zip_file.string(),
          archive.target);
  write_file_atomically(
      (folder / kRecord).string(),
      json_text(nlohmann::json{{"archive", archive.source}, {"files", sizes}}, 1));
  return files;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
