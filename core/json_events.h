// Strict JSON as a stream of events, for headers of weight files and lines of data: no tree is
// built, so a hundred megabytes of brackets cost no memory, and numbers can be kept as they are
// written.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace soragrad {

// The callbacks of nlohmann::json::sax_parse. Each refuses its value by default; a reader overrides
// what its format allows. Throws Error; the return values are always true.
class JsonEvents {
 public:
  using Json = nlohmann::json;

  explicit JsonEvents(std::string where) : where_(std::move(where)) {}
  virtual ~JsonEvents() = default;

  virtual bool null() { return refuse("null"); }
  virtual bool boolean(bool) { return refuse("a boolean"); }
  virtual bool number_integer(int64_t) { return refuse("a negative number"); }
  virtual bool number_unsigned(uint64_t) { return refuse("a number"); }
  virtual bool number_float(double, const std::string&) {
    return refuse("a number that is no 64-bit integer");
  }
  virtual bool string(std::string&) { return refuse("a string"); }
  virtual bool start_object(size_t) { return refuse("an object"); }
  virtual bool start_array(size_t) { return refuse("an array"); }
  virtual bool key(std::string&) { return true; }
  virtual bool end_object() { return true; }
  virtual bool end_array() { return true; }
  bool binary(Json::binary_t&) { return refuse("binary data"); }
  const std::string& where() const { return where_; }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&);

 protected:
  // Throws "[where] PLACE is WHAT, ...", PLACE being what place() says about the current value.
  bool refuse(std::string_view what) const;
  // Names the value being read.
  virtual std::string place() const = 0;

  std::string where_;
};

// Feeds the text to the events; a byte order mark before it is skipped, anything after it refused,
// as are texts and numbers past 8 MiB.
void parse_json_events(std::string_view text, JsonEvents& events);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
