// A small HTTP server on loopback for tests: one connection after another, answers by a function.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"

namespace soragrad::test {

struct HttpRequest {
  std::string target;  // "/api/models/x?blobs=true"; through a proxy the whole address
  std::string head;    // all lines
  // The value of a header line, "" if there is none. The name is written as curl writes it.
  std::string header(std::string_view name) const {
    const size_t at = head.find(fmt::format("\r\n{}: ", name));
    if (at == head.npos) return "";
    const size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

struct HttpResponse {
  int status = 200;
  std::vector<std::string> headers;  // "ETag: \"1\""
  std::string body;
  size_t cut = std::string::npos;  // the connection breaks after these bytes of the body
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    require(::bind(listener_, any, size) == 0 && ::listen(listener_, 16) == 0 &&
                ::getsockname(listener_, any, &size) == 0,
            "[test] no loopback server can be started here.");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    ::shutdown(listener_, SHUT_RDWR);  // ends accept()
    thread_.join();
    ::close(listener_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (true) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      answer(connection);
      ::close(connection);
    }
  }

  void answer(int connection) {
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == head.npos) {
      const ssize_t read = ::recv(connection, buffer, sizeof buffer, 0);
      if (read <= 0) return;
      head.append(buffer, static_cast<size_t>(read));
    }
    const size_t begin = head.find(' ') + 1;
    const HttpRequest request{head.substr(begin, head.find(' ', begin) - begin), head};
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const HttpResponse response = handler_(request);
    std::string text = fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n",
                                   response.status, response.body.size());
    for (const std::string& header : response.headers) text += header + "\r\n";
    text += "\r\n" + response.body.substr(0, response.cut);
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t count =
          ::send(connection, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<size_t>(count);
    }
  }

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
};

// The answer to a request for a file that may be continued: honours Range and If-Range.
inline HttpResponse file_response(const HttpRequest& request, const std::string& bytes,
                                  const std::string& etag) {
  HttpResponse response{200, {"ETag: " + etag}, bytes};
  const std::string range = request.header("Range");
  if (range.empty() || request.header("If-Range") != etag) return response;
  const size_t begin = std::stoul(range.substr(range.find('=') + 1));
  if (begin >= bytes.size()) return {416, {}, ""};
  response.status = 206;
  response.headers.push_back(
      fmt::format("Content-Range: bytes {}-{}/{}", begin, bytes.size() - 1, bytes.size()));
  response.body = bytes.substr(begin);
  return response;
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
