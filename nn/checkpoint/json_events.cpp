#include "nn/checkpoint/json_events.h"

#include "core/error.h"

namespace soragrad::nn {

bool JsonEvents::parse_error(size_t position, const std::string&,
                             const nlohmann::detail::exception&) {
  fail("[{}] is not valid JSON at byte {}; the file is damaged.", where_, position);
}

bool JsonEvents::refuse(std::string_view what) const {
  fail("[{}] {} is {}, which does not belong there.", where_, place(), what);
}

void parse_json(std::span<const std::byte> text, JsonEvents& events) {
  const auto* first = reinterpret_cast<const char*>(text.data());
  nlohmann::json::sax_parse(first, first + text.size(), &events);
}

}  // namespace soragrad::nn
