#include "core/sha256.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/text.h"

namespace soragrad {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

}  // namespace

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  require(context_->evp && EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) == 1,
          "[sha256] OpenSSL offers no SHA-256 here.");
}

Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1,
          "[sha256] OpenSSL could not hash {} bytes.", bytes.size());
}

void Sha256::update(std::string_view text) {
  update(std::as_bytes(std::span(text)));
}

std::string Sha256::hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  require(EVP_DigestFinal_ex(context_->evp, digest, &size) == 1,
          "[sha256] the hash has been read before.");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string sha256_of_file(const std::string& path) {
  const Descriptor file = open_file(path, O_RDONLY);
  if (!file) fail("[{}] cannot be opened: {}.", shown(path), system_reason(errno));
  Sha256 hash;
  std::vector<std::byte> chunk(kReadBytes);
  for (;;) {
    const ssize_t count = ::read(file.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("[{}] cannot be read: {}.", shown(path), system_reason(errno));
    if (count == 0) return hash.hex();
    hash.update(std::span(chunk).first(static_cast<size_t>(count)));
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
