#include "models/model_input.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace soragrad::models {

HostInput host_input(std::vector<int64_t> input_ids, std::vector<int64_t> token_type_ids,
                     std::vector<int64_t> offsets, const InputSizes& sizes) {
  const auto tokens = static_cast<int64_t>(input_ids.size());
  require(offsets.size() > 1 && offsets.front() == 0 && offsets.back() == tokens,
          "[make_input] {} offsets do not delimit {} tokens; they begin at 0 and end at {}.",
          offsets.size(), tokens, tokens);
  require(token_type_ids.empty() || token_type_ids.size() == input_ids.size(),
          "[make_input] {} token types for {} tokens.", token_type_ids.size(), tokens);
  HostInput host;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    const int64_t length = offsets[s + 1] - offsets[s];
    require(length > 0, "[make_input] sequence {} has {} tokens; at least 1 is needed.", s, length);
    host.longest = std::max(host.longest, length);
  }
  require(sizes.tokens == 0 || sizes.tokens >= tokens,
          "[make_input] {} tokens do not fit a batch of {}.", tokens, sizes.tokens);
  require(sizes.max_length == 0 || sizes.max_length >= host.longest,
          "[make_input] a sequence of {} tokens does not fit a batch of up to {}.", host.longest,
          sizes.max_length);
  host.max_length = std::max(sizes.max_length, host.longest);
  if (sizes.tokens > 0) input_ids.resize(static_cast<size_t>(sizes.tokens));
  if (!token_type_ids.empty()) token_type_ids.resize(input_ids.size());
  host.input_ids = std::move(input_ids);
  host.token_type_ids = std::move(token_type_ids);
  host.offsets = std::move(offsets);
  return host;
}

ModelInput upload(HostInput host, Device device) {
  return place_input(std::move(host), [device](const auto& values) {
    return Tensor::from(values, {static_cast<int64_t>(values.size())}, device);
  });
}

ModelInput make_input(const std::vector<int64_t>& input_ids,
                      const std::vector<int64_t>& token_type_ids,
                      const std::vector<int64_t>& offsets, Device device) {
  return upload(host_input(input_ids, token_type_ids, offsets), device);
}

}  // namespace soragrad::models
