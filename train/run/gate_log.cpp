#include "train/run/gate_log.h"

#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"

namespace soragrad::train {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMark = "soragrad gates 1\n";
constexpr int64_t kMaxHeader = 16 << 20, kMaxGates = 1 << 24;

int64_t record_bytes(int64_t gates) {
  return static_cast<int64_t>(sizeof(int64_t) + sizeof(double)) +
         gates * static_cast<int64_t>(sizeof(float));
}

int64_t gates_of(std::span<const sora::ModuleRank> modules) {
  int64_t gates = 0;
  for (const sora::ModuleRank& module : modules) gates += module.rank;
  return gates;
}

std::string header_of(std::span<const sora::ModuleRank> modules) {
  nlohmann::json list = nlohmann::json::array();
  for (const sora::ModuleRank& module : modules) list.push_back({module.module, module.rank});
  return fmt::format("{}{}\n", kMark, json_text(nlohmann::json{{"modules", list}}));
}

template <typename Value>
bool read_value(std::ifstream& file, Value& value) {
  return static_cast<bool>(file.read(reinterpret_cast<char*>(&value), sizeof value));
}

int64_t step_of_record(std::ifstream& file, int64_t begin, int64_t bytes, int64_t number) {
  int64_t step = 0;
  file.seekg(begin + bytes * number);
  return read_value(file, step) ? step : INT64_MAX;
}

// What of a file is kept by a run that goes on after `step`.
struct Kept {
  int64_t bytes = 0;  // 0: nothing
  int64_t last_step = 0;
};

Kept kept_of(const std::string& path, const std::string& header, int64_t record, int64_t step) {
  std::error_code error;
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path, error));
  const auto begin = static_cast<int64_t>(header.size());
  if (error || size < begin || step == 0) return {};
  std::ifstream file(path, std::ios::binary);
  std::string found(header.size(), '\0');
  if (!file.read(found.data(), begin) || found != header) return {};
  int64_t records = (size - begin) / record;
  int64_t last = 0;
  for (; records > 0; --records) {
    last = step_of_record(file, begin, record, records - 1);
    if (last <= step) break;
  }
  return {begin + records * record, records > 0 ? last : 0};
}

void append_bytes(std::string& bytes, const void* value, size_t size) {
  bytes.append(static_cast<const char*>(value), size);
}

// The modules that a header names. Throws if it is damaged.
std::vector<sora::ModuleRank> read_header(std::ifstream& file, const std::string& path,
                                          int64_t size) {
  std::string mark(kMark.size(), '\0'), line;
  const bool is_known =
      file.read(mark.data(), static_cast<std::streamsize>(mark.size())) && mark == kMark;
  require(is_known && size > 0, "[gates] {} does not begin as a file of gates.", shown(path));
  for (char c = 0; file.get(c) && c != '\n';) {
    require(static_cast<int64_t>(line.size()) < kMaxHeader, "[gates] {}: its header has no end.",
            shown(path));
    line += c;
  }
  const nlohmann::json header = parse_json_object(line, path);
  std::vector<sora::ModuleRank> modules;
  try {
    for (const nlohmann::json& module : header.at("modules")) {
      modules.push_back({module.at(0).get<std::string>(), 0, module.at(1).get<int64_t>()});
      require(modules.back().rank >= 0 && modules.back().rank < kMaxGates,
              "[gates] {}: rank {} of {} is out of range.", shown(path), modules.back().rank,
              shown(modules.back().module));
    }
  } catch (const nlohmann::json::exception&) {
    fail("[gates] {}: its header is damaged.", shown(path));
  }
  const int64_t gates = gates_of(modules);
  require(gates > 0 && gates < kMaxGates, "[gates] {}: {} gates are out of range.", shown(path),
          gates);
  return modules;
}

}  // namespace

GateLog::GateLog(std::string path, std::span<const sora::ModuleRank> modules, int64_t step)
    : gates_(static_cast<size_t>(gates_of(modules))) {
  const std::string header = header_of(modules);
  const Kept kept = kept_of(path, header, record_bytes(gates_of(modules)), step);
  last_step_ = kept.last_step;
  file_ = std::make_unique<AppendFile>(std::move(path), kept.bytes);
  if (kept.bytes == 0) file_->append(header);
}

void GateLog::append(int64_t step, double threshold_sum, std::span<const real> gates) {
  require(gates.size() == gates_, "[gates] {} gates do not fit a file of {}.", gates.size(),
          gates_);
  const std::vector<float> values(gates.begin(), gates.end());
  std::string bytes;
  append_bytes(bytes, &step, sizeof step);
  append_bytes(bytes, &threshold_sum, sizeof threshold_sum);
  append_bytes(bytes, values.data(), values.size() * sizeof(float));
  file_->append(bytes);
  last_step_ = step;
}

int64_t GateHistory::gates() const {
  return gates_of(modules);
}

GateHistory read_gates(const std::string& path, int64_t most) {
  GateHistory history;
  std::error_code error;
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path, error));
  if (error) return history;
  std::ifstream file(path, std::ios::binary);
  history.modules = read_header(file, path, size);
  const int64_t begin = file.tellg(), gates = history.gates(), bytes = record_bytes(gates);
  history.logged = (size - begin) / bytes;  // a run that goes on may have half of one more
  const int64_t shown_records = std::min(history.logged, most);
  for (int64_t i = 0; i < shown_records; ++i) {
    const int64_t number =
        shown_records > 1 ? i * (history.logged - 1) / (shown_records - 1) : history.logged - 1;
    GateRecord record;
    record.gates.resize(static_cast<size_t>(gates));
    file.seekg(begin + number * bytes);
    const bool is_read = read_value(file, record.step) && read_value(file, record.threshold_sum) &&
                         file.read(reinterpret_cast<char*>(record.gates.data()),
                                   gates * static_cast<int64_t>(sizeof(float)));
    require(is_read, "[gates] {} cannot be read to its end.", shown(path));
    history.records.push_back(std::move(record));
  }
  if (history.records.empty()) return history;
  auto gate = history.records.back().gates.begin();
  for (sora::ModuleRank& module : history.modules) {
    for (int64_t i = 0; i < module.rank; ++i, ++gate) module.kept += *gate != 0;
  }
  return history;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
