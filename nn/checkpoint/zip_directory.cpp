#include "nn/checkpoint/zip_directory.h"

#include <zip.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace soragrad::nn {
namespace {

constexpr uint64_t kMaxMembers = 1 << 18;
constexpr uint64_t kInflatedSlack = 64 << 20;
constexpr uint64_t kInflatedRatio = 4;  // weights hardly shrink; what shrinks more is a bomb

// Little-endian numbers at checked places.
class Fields {
 public:
  Fields(std::span<const std::byte> bytes, const std::string& where)
      : bytes_(bytes), where_(where) {}

  template <typename T>
  T get(uint64_t at) const {
    T number;
    std::memcpy(&number, view(at, sizeof number).data(), sizeof number);
    return number;
  }
  std::span<const std::byte> view(uint64_t at, uint64_t n) const {
    require(at <= bytes_.size() && n <= bytes_.size() - at,
            "[{}] the zip archive points to bytes {} to {} + {} of {}; it is damaged or cut off.",
            where_, at, at, n, bytes_.size());
    return bytes_.subspan(at, n);
  }
  std::string_view text(uint64_t at, uint64_t n) const {
    return {reinterpret_cast<const char*>(view(at, n).data()), static_cast<size_t>(n)};
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& where_;
};

// Where the central directory lies.
struct End {
  uint64_t entries = 0, size = 0, offset = 0;
};

constexpr uint64_t kEndSize = 22, kLocatorSize = 20;

// Finds the end record (PKWARE APPNOTE 4.3.16), which is followed by a comment of up to 64 KB whose
// length it holds. Searching backwards, the first record whose comment ends with the file is it.
End find_end(const Fields& fields, uint64_t file_size, const std::string& where) {
  require(file_size >= kEndSize, "[{}] the zip archive is cut off at {} bytes.", where, file_size);
  uint64_t at = file_size - kEndSize;
  const uint64_t lowest = at - std::min<uint64_t>(at, 0xffff);
  while (fields.get<uint32_t>(at) != 0x06054b50 ||
         at + kEndSize + fields.get<uint16_t>(at + 20) != file_size) {
    require(at-- > lowest, "[{}] the zip archive has no directory; it is cut off or damaged.",
            where);
  }
  End end{fields.get<uint16_t>(at + 10), fields.get<uint32_t>(at + 12),
          fields.get<uint32_t>(at + 16)};
  uint64_t limit = at;
  if (at >= kLocatorSize && fields.get<uint32_t>(at - kLocatorSize) == 0x07064b50) {
    limit = fields.get<uint64_t>(at - kLocatorSize + 8);
    require(fields.get<uint32_t>(limit) == 0x06064b50,
            "[{}] the zip64 record is not where the archive says (byte {}).", where, limit);
    if (end.entries == 0xffff) end.entries = fields.get<uint64_t>(limit + 32);
    if (end.size == 0xffffffff) end.size = fields.get<uint64_t>(limit + 40);
    if (end.offset == 0xffffffff) end.offset = fields.get<uint64_t>(limit + 48);
  }
  require(end.offset <= limit && end.size <= limit - end.offset &&
              end.entries <= std::min(end.size / 46, kMaxMembers),
          "[{}] the zip directory ({} entries, {} bytes from {} on) does not fit the file.", where,
          end.entries, end.size, end.offset);
  return end;
}

// One entry of the central directory (APPNOTE 4.3.12). Sizes past 32 bits are in extra field 1.
struct Entry {
  uint16_t flags = 0, method = 0;
  uint64_t compressed = 0, size = 0, offset = 0, length = 0;
  std::string_view name;
};

Entry read_entry(const Fields& fields, uint64_t at, const std::string& where) {
  require(fields.get<uint32_t>(at) == 0x02014b50, "[{}] the zip directory is damaged at byte {}.",
          where, at);
  const uint64_t name_size = fields.get<uint16_t>(at + 28);
  const uint64_t extra_size = fields.get<uint16_t>(at + 30);
  Entry entry{.flags = fields.get<uint16_t>(at + 8), .method = fields.get<uint16_t>(at + 10)};
  entry.name = fields.text(at + 46, name_size);
  entry.length = 46 + name_size + extra_size + fields.get<uint16_t>(at + 32);
  const std::array<std::pair<uint64_t*, uint32_t>, 3> wide = {
      {{&entry.size, fields.get<uint32_t>(at + 24)},
       {&entry.compressed, fields.get<uint32_t>(at + 20)},
       {&entry.offset, fields.get<uint32_t>(at + 42)}}};
  uint64_t extra = at + 46 + name_size;
  const uint64_t extra_end = extra + extra_size;
  while (extra + 4 <= extra_end && fields.get<uint16_t>(extra) != 1) {
    extra += 4 + fields.get<uint16_t>(extra + 2);
  }
  uint64_t next = extra + 4;
  for (const auto& [field, narrow] : wide) {
    *field = narrow;
    if (narrow != 0xffffffff) continue;
    require(next + 8 <= extra_end, "[{}] zip member '{}' lacks its 64-bit sizes.", where,
            shown(entry.name));
    *field = fields.get<uint64_t>(next);
    next += 8;
  }
  return entry;
}

}  // namespace

// libzip over the same bytes.
struct ZipDirectory::Inflater {
  explicit Inflater(const FileBytes& file) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* source =
        zip_source_buffer_create(file.bytes.data(), file.bytes.size(), 0, &error);
    if (source != nullptr) archive = zip_open_from_source(source, ZIP_RDONLY, &error);
    if (archive == nullptr) zip_source_free(source);
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    require(archive != nullptr, "[{}] the zip archive cannot be opened by libzip: {}.", file.where,
            reason);
  }
  ~Inflater() { zip_discard(archive); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  zip_t* archive = nullptr;
};

// Reads every entry and checks it against its local header, so that all readers of this archive
// agree on what it holds: members lie apart, before the directory, under one name.
ZipDirectory::ZipDirectory(const FileBytes& file) : file_(file) {
  const std::string& where = file_.where;
  const Fields fields(file_.bytes, where);
  const End end = find_end(fields, file_.bytes.size(), where);
  struct Range {
    uint64_t begin, end;
  };
  std::vector<Range> ranges;
  uint64_t at = end.offset;
  for (uint64_t index = 0; index < end.entries; ++index) {
    const Entry entry = read_entry(fields, at, where);
    at += entry.length;
    require(at <= end.offset + end.size, "[{}] the zip directory passes its {} bytes.", where,
            end.size);
    const std::string name = shown(entry.name);
    require((entry.flags & 1) == 0, "[{}] zip member '{}' is encrypted; decrypt it first.", where,
            name);
    // The local header repeats the name; its extra field differs, for it pads the data.
    require(
        fields.get<uint32_t>(entry.offset) == 0x04034b50 &&
            fields.get<uint16_t>(entry.offset + 8) == entry.method &&
            fields.text(entry.offset + 30, fields.get<uint16_t>(entry.offset + 26)) == entry.name,
        "[{}] zip member '{}' is not where the directory says (byte {}).", where, name,
        entry.offset);
    const uint64_t data =
        entry.offset + 30 + entry.name.size() + fields.get<uint16_t>(entry.offset + 28);
    require(data <= end.offset && entry.compressed <= end.offset - data,
            "[{}] zip member '{}' ({} bytes from {} on) runs into the directory.", where, name,
            entry.compressed, data);
    require(entry.method != 0 || entry.compressed == entry.size,
            "[{}] zip member '{}' is stored, yet has {} bytes for {}.", where, name,
            entry.compressed, entry.size);
    ranges.push_back({entry.offset, data + entry.compressed});
    const Member member{index, entry.size, entry.method, fields.view(data, entry.compressed)};
    require(members_.emplace(entry.name, member).second, "[{}] has zip member '{}' twice.", where,
            name);
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.begin < b.begin; });
  for (size_t i = 1; i < ranges.size(); ++i) {
    require(ranges[i - 1].end <= ranges[i].begin, "[{}] zip members overlap at byte {}.", where,
            ranges[i].begin);
  }
}

ZipDirectory::~ZipDirectory() = default;

FileBytes ZipDirectory::read(std::string_view name) {
  const auto found = members_.find(name);
  require(found != members_.end(), "[{}] has no zip member '{}'.", file_.where, shown(name));
  const Member& member = found->second;
  if (member.method == 0) return {member.bytes, file_.owner, file_.where};
  return inflate(name, member);
}

FileBytes ZipDirectory::inflate(std::string_view name, const Member& member) {
  const uint64_t limit = kInflatedSlack + kInflatedRatio * file_.bytes.size();
  require(member.size <= limit - inflated_,
          "[{}] zip member '{}' of {} bytes would inflate to {}: past the limit of {} bytes for "
          "the whole archive; store it uncompressed.",
          file_.where, shown(name), member.bytes.size(), member.size, limit);
  inflated_ += member.size;
  if (!inflater_) inflater_ = std::make_unique<Inflater>(file_);
  auto buffer = std::make_shared<std::vector<std::byte>>(member.size);
  zip_file_t* source = zip_fopen_index(inflater_->archive, member.index, 0);
  uint64_t done = 0;
  zip_int64_t got = source == nullptr ? -1 : 1;
  // One byte more than due is asked for at the end: it must not come.
  while (got > 0 && done < member.size) {
    got = zip_fread(source, buffer->data() + done, member.size - done);
    if (got > 0) done += static_cast<uint64_t>(got);
  }
  std::byte surplus;
  const bool is_whole =
      source != nullptr && done == member.size && zip_fread(source, &surplus, 1) == 0;
  if (source != nullptr) zip_fclose(source);
  require(is_whole, "[{}] zip member '{}' does not inflate to its {} bytes; it is damaged.",
          file_.where, shown(name), member.size);
  const std::span<const std::byte> bytes(*buffer);
  return {bytes, std::move(buffer), file_.where};
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
