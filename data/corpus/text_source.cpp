#include "data/corpus/text_source.h"

#include <fcntl.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/plain_text.h"
#include "core/text.h"

namespace soragrad::data {
namespace {

constexpr uint64_t kDecoderMemory = uint64_t{256} << 20;  // xz -9 needs 65 MiB

// A regular file that is read from its start to its end.
class InputFile {
 public:
  explicit InputFile(std::string path) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    require(fd_ >= 0, "[{}] cannot be opened: {}.", shown(path_), system_reason(errno));
    struct stat info {};
    const bool known = ::fstat(fd_, &info) == 0;
    const char* fault = !known                   ? "cannot be examined"
                        : S_ISDIR(info.st_mode)  ? "is a folder; name its files, as in FOLDER/*.txt"
                        : !S_ISREG(info.st_mode) ? "is no regular file"
                                                 : nullptr;
    if (fault) {
      ::close(fd_);
      fail("[{}] {}.", shown(path_), fault);
    }
    size_ = info.st_size;
  }
  ~InputFile() { ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // Fills the buffer as far as the file goes; -> bytes read.
  size_t read(char* buffer, size_t size) {
    size_t done = 0;
    while (done < size) {
      const ssize_t count = ::read(fd_, buffer + done, size - done);
      if (count < 0 && errno == EINTR) continue;
      require(count >= 0, "[{}] cannot be read: {}.", shown(path_), system_reason(errno));
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    return done;
  }
  void seek(int64_t offset) {
    require(::lseek(fd_, offset, SEEK_SET) == offset, "[{}] cannot seek to byte {}: {}.",
            shown(path_), offset, system_reason(errno));
  }
  int64_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
  int64_t size_ = 0;
};

class PlainSource : public TextSource {
 public:
  explicit PlainSource(const std::string& path) : file_(path) {
    char start[16];
    require_plain_text({start, file_.read(start, sizeof(start))}, path);
    file_.seek(0);
  }

  std::string read_chunk() override {
    std::string chunk(kTextChunk, '\0');
    chunk.resize(file_.read(chunk.data(), chunk.size()));
    read_ += static_cast<int64_t>(chunk.size());
    return chunk;
  }
  void skip_chunks(int64_t count) override {
    read_ = std::min(read_ + count * static_cast<int64_t>(kTextChunk), file_.size());
    file_.seek(read_);
  }
  int64_t file_bytes_read() const override { return read_; }
  int64_t file_bytes() const override { return file_.size(); }

 private:
  InputFile file_;
  int64_t read_ = 0;
};

class XzSource : public TextSource {
 public:
  explicit XzSource(const std::string& path) : file_(path) {
    const lzma_ret status = lzma_stream_decoder(&stream_, kDecoderMemory, LZMA_CONCATENATED);
    require(status == LZMA_OK, "[{}] liblzma cannot start: error {}.", shown(path),
            static_cast<int>(status));
  }
  ~XzSource() override { lzma_end(&stream_); }

  std::string read_chunk() override {
    std::string chunk(kTextChunk, '\0');
    stream_.next_out = reinterpret_cast<uint8_t*>(chunk.data());
    stream_.avail_out = chunk.size();
    while (stream_.avail_out > 0 && !ended_) {
      if (stream_.avail_in == 0 && !input_ended_) {
        stream_.avail_in = file_.read(input_, sizeof(input_));
        stream_.next_in = reinterpret_cast<uint8_t*>(input_);
        input_ended_ = stream_.avail_in < sizeof(input_);
      }
      check(lzma_code(&stream_, input_ended_ ? LZMA_FINISH : LZMA_RUN));
    }
    chunk.resize(chunk.size() - stream_.avail_out);
    return chunk;
  }
  void skip_chunks(int64_t count) override {
    for (int64_t i = 0; i < count; ++i) read_chunk();
  }
  int64_t file_bytes_read() const override { return static_cast<int64_t>(stream_.total_in); }
  int64_t file_bytes() const override { return file_.size(); }

 private:
  void check(lzma_ret status) {
    ended_ = status == LZMA_STREAM_END;
    if (status == LZMA_OK || ended_) return;
    const char* reason = status == LZMA_BUF_ERROR      ? "ends before its text does: truncated"
                         : status == LZMA_FORMAT_ERROR ? "is no .xz file"
                         : status == LZMA_MEM_ERROR || status == LZMA_MEMLIMIT_ERROR
                             ? "needs more memory to unpack than 256 MiB"
                             : "is damaged";
    fail("[{}] {} (byte {}).", shown(file_.path()), reason, stream_.total_in);
  }

  InputFile file_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  char input_[kTextChunk] = {};
  bool input_ended_ = false, ended_ = false;
};

}  // namespace

std::unique_ptr<TextSource> open_text_source(const std::string& path) {
  if (path.ends_with(".xz")) return std::make_unique<XzSource>(path);
  return std::make_unique<PlainSource>(path);
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
