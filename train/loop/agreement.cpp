#include "train/loop/agreement.h"

#include <span>
#include <string_view>
#include <vector>

#include "core/communicator.h"
#include "core/error.h"
#include "core/host_name.h"
#include "core/sha256.h"
#include "core/text.h"

namespace soragrad::train {

namespace {

constexpr size_t kShownDigits = 12;  // of a hash

// What a process shows of a text that differs from another's: its first line that does.
std::string first_other_line(std::string_view text, std::string_view other) {
  size_t line = 0;
  for (size_t i = 0; i < text.size() && i < other.size() && text[i] == other[i]; ++i) {
    if (text[i] == '\n') line = i + 1;
  }
  return shown(std::string(text.substr(line, text.find('\n', line) - line)));
}

// Compares the texts of all processes. `what` names them in the error.
void compare(std::string_view what, const std::string& own) {
  const std::vector<std::string> texts = world().gather_texts(own);
  const std::vector<std::string> hosts = world().gather_texts(host_name());
  for (size_t rank = 1; rank < texts.size(); ++rank) {
    require(texts[rank] == texts[0],
            "[mpi] {} differs: process {} on {} has {}, process 0 on {} has {}; give all the same.",
            what, rank, hosts[rank], first_other_line(texts[rank], texts[0]), hosts[0],
            first_other_line(texts[0], texts[rank]));
  }
}

void update(Sha256& hash, const Rows& rows) {
  for (const data::Encoded& row : rows.encoded) {
    const auto length = static_cast<int64_t>(row.ids.size());
    hash.update(std::as_bytes(std::span(&length, 1)));
    hash.update(std::as_bytes(std::span(&row.second_begin, 1)));
    hash.update(std::as_bytes(std::span(row.ids)));
  }
  for (const data::Example& row : rows.dataset.rows) {
    hash.update(std::as_bytes(std::span(&row.label, 1)));
    hash.update(std::as_bytes(std::span(&row.score, 1)));
    hash.update(std::as_bytes(std::span(&row.weight, 1)));
    hash.update(fmt::format("{}", row.classes.size()));
    hash.update(std::as_bytes(std::span(row.classes)));
  }
}

}  // namespace

std::string rows_text(const Rows& rows) {
  Sha256 hash;
  update(hash, rows);
  return fmt::format("{} rows ({})", rows.size(), hash.hex().substr(0, kShownDigits));
}

void require_same_program(const Config& config, const std::string& version) {
  if (world().size() == 1) return;
  compare("the program's version", version);
  compare("the configuration", to_yaml(config));
}

void require_same_session(const Session& session) {
  if (world().size() == 1) return;
  compare("the device", std::string(name_of(session.device)));
  compare("the training data", rows_text(session.train));
  for (const Rows& rows : session.validation) compare("the data of " + rows.name, rows_text(rows));
  for (const Rows& rows : session.test) compare("the data of " + rows.name, rows_text(rows));
  compare("the base model's hash", session.base_sha256.get());
}

void require_same_values(const Tensor& values, int64_t step) {
  if (world().size() == 1) return;
  const Tensor host = values.to(Device::cpu);
  Sha256 hash;
  hash.update(std::as_bytes(std::span(host.data(), static_cast<size_t>(host.numel()))));
  compare(fmt::format("the hash of the parameters after step {}", step), hash.hex());
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
