#include "cli/hub/hub.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/hub/pins.h"
#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "train/config/suggest.h"

namespace soragrad::cli {
namespace {

constexpr std::string_view kGlueName = "nyu-mll/glue";
// What soragrad reads of a model folder beside the weights, and the terms of use.
constexpr std::string_view kModelFiles[] = {"config.json",
                                            "spm.model",
                                            "vocab.json",
                                            "merges.txt",
                                            "vocab.txt",
                                            "tokenizer.json",
                                            "tokenizer_config.json",
                                            "added_tokens.json",
                                            "special_tokens_map.json",
                                            "LICENSE",
                                            "LICENSE.txt",
                                            "README.md"};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool is_word(std::string_view text) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text.front() != '.' && std::all_of(text.begin(), text.end(), allowed) &&
         text.find("..") == text.npos;
}

// "owner/name" or "name".
bool is_repository(std::string_view name) {
  const size_t slash = name.find('/');
  if (slash == name.npos) return is_word(name);
  return is_word(name.substr(0, slash)) && is_word(name.substr(slash + 1));
}

void check_names(const std::string& name, const std::string& revision) {
  if (!is_repository(name)) {
    throw UsageError(
        fmt::format("[fetch] {} is no name of the Hub. Names look like microsoft/deberta-v3-base.",
                    quote(name)));
  }
  std::string_view rest = revision;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    if (!is_word(part)) {
      throw UsageError(fmt::format("[fetch] --revision {} is no branch, tag or commit of the Hub.",
                                   quote(revision)));
    }
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
}

// A branch may hold slashes, which the Hub wants escaped.
std::string escaped(std::string text) {
  for (size_t at = 0; (at = text.find('/', at)) != text.npos; at += 3) text.replace(at, 1, "%2F");
  return text;
}

// Turns the status of a refused listing into what to do.
[[noreturn]] void fail_listing(const Hub& hub, const std::string& name, const std::string& revision,
                               const HttpError& error) {
  const bool has_token = !hub.http.token.empty();
  switch (error.status()) {
    case 401:
    case 403:
      if (has_token) {
        fail(
            "[fetch] {}/{} refuses the token of HF_TOKEN (status {}). Accept the terms of {} with "
            "its account, or make a token that may read it.",
            hub.endpoint, name, error.status(), name);
      }
      fail(
          "[fetch] {}/{} asks for an account (status {}): it is gated, private, or its name is "
          "wrong. Accept its terms there and set HF_TOKEN to a token that may read it.",
          hub.endpoint, name, error.status());
    case 404:
      fail("[fetch] {} has no {} at revision {}. Check the name and --revision.", hub.endpoint,
           name, revision);
    default:
      throw;
  }
}

struct RemoteListing {
  std::string commit;
  std::vector<HubFile> files;  // all of the repository
};

// All files of a repository. `kind` is "models" or "datasets".
RemoteListing list_repository(const Hub& hub, std::string_view kind, const std::string& name,
                              const std::string& revision) {
  const std::string url = fmt::format("{}/api/{}/{}/revision/{}?blobs=true", hub.endpoint, kind,
                                      name, escaped(revision));
  std::string body;
  try {
    body = http_get(url, hub.http);
  } catch (const HttpError& error) {
    fail_listing(hub, name, revision, error);
  }
  const nlohmann::json object = parse_json_object(body, url);
  const JsonReader reader(object, url);
  RemoteListing listing;
  listing.commit = revision;
  reader.read("sha", listing.commit);
  check_names(name, listing.commit);
  const nlohmann::json* siblings = reader.find("siblings");
  require(siblings && siblings->is_array(), "[fetch] {}: the answer lists no files.", url);
  const std::string prefix = kind == "models" ? "" : fmt::format("{}/", kind);
  for (const nlohmann::json& sibling : *siblings) {
    if (!sibling.is_object()) continue;
    const JsonReader of_file(sibling, url);
    HubFile file;
    of_file.read("rfilename", file.path);
    of_file.read("size", file.remote.bytes, 0, int64_t{1} << 50);
    if (const nlohmann::json* lfs = of_file.find("lfs"); lfs && lfs->is_object()) {
      const JsonReader of_lfs(*lfs, url);
      of_lfs.read("sha256", file.remote.sha256);
      of_lfs.read("size", file.remote.bytes, 0, int64_t{1} << 50);
    }
    file.remote.url = fmt::format("{}/{}{}/resolve/{}/{}", hub.endpoint, prefix, name,
                                  escaped(listing.commit), file.path);
    listing.files.push_back(std::move(file));
  }
  return listing;
}

const HubFile* find_file(const std::vector<HubFile>& files, std::string_view path) {
  const auto at = std::find_if(files.begin(), files.end(),
                               [&](const HubFile& file) { return file.path == path; });
  return at == files.end() ? nullptr : &*at;
}

// "model-00001-of-00003.safetensors"
bool is_shard(std::string_view path) {
  return is_word(path) && path.starts_with("model-") && path.ends_with(".safetensors");
}

// The first form of the weights that the repository has.
std::vector<HubFile> select_weights(const std::vector<HubFile>& files) {
  if (const HubFile* whole = find_file(files, "model.safetensors")) return {*whole};
  if (const HubFile* index = find_file(files, "model.safetensors.index.json")) {
    std::vector<HubFile> selected{*index};
    std::copy_if(files.begin(), files.end(), std::back_inserter(selected),
                 [](const HubFile& file) { return is_shard(file.path); });
    return selected;
  }
  if (const HubFile* torch = find_file(files, "pytorch_model.bin")) return {*torch};
  return {};
}

void apply_pins(std::vector<HubFile>& files, std::span<const PinnedFile> pins) {
  for (HubFile& file : files) {
    for (const PinnedFile& pin : pins) {
      if (pin.path != file.path) continue;
      file.remote.bytes = pin.bytes;
      file.remote.sha256 = pin.sha256;
    }
  }
}

}  // namespace

Hub hub_from_environment() {
  const std::string offline = environment("HF_HUB_OFFLINE");
  if (!offline.empty() && offline != "0") {
    throw UsageError(
        fmt::format("[fetch] HF_HUB_OFFLINE is {}: nothing may be fetched. Unset it to fetch.",
                    quote(offline)));
  }
  Hub hub;
  hub.endpoint = environment("HF_ENDPOINT");
  if (hub.endpoint.empty()) hub.endpoint = "https://huggingface.co";
  while (hub.endpoint.ends_with('/')) hub.endpoint.pop_back();
  if (!hub.endpoint.starts_with("https://") && !hub.endpoint.starts_with("http://")) {
    throw UsageError(fmt::format("[fetch] HF_ENDPOINT is {}; an address begins with https://.",
                                 quote(hub.endpoint)));
  }
  hub.http.token = environment("HF_TOKEN");
  if (hub.http.token.find_first_of("\r\n") != std::string::npos) {
    throw UsageError("[fetch] HF_TOKEN holds a line break; a token is one word.");
  }
  return hub;
}

HubListing list_model(const Hub& hub, const std::string& name, const std::string& revision) {
  const PinnedModel* pinned = find_pinned_model(name);
  HubListing listing;
  listing.name = pinned ? std::string(pinned->name) : name;
  const bool pins_hold =
      pinned && !pinned->revision.empty() && (revision.empty() || revision == pinned->revision);
  listing.revision = pins_hold ? std::string(pinned->revision) : revision;
  if (listing.revision.empty()) listing.revision = "main";
  check_names(listing.name, listing.revision);

  const RemoteListing remote = list_repository(hub, "models", listing.name, listing.revision);
  listing.revision = remote.commit;
  for (const std::string_view path : kModelFiles) {
    if (const HubFile* file = find_file(remote.files, path)) listing.files.push_back(*file);
  }
  require(find_file(listing.files, "config.json") != nullptr,
          "[fetch] {} has no config.json at revision {}: it is no model of transformers.",
          listing.name, listing.revision);
  const std::vector<HubFile> weights = select_weights(remote.files);
  require(!weights.empty(),
          "[fetch] {} has neither model.safetensors nor pytorch_model.bin at revision {}.",
          listing.name, listing.revision);
  listing.files.insert(listing.files.end(), weights.begin(), weights.end());
  if (pins_hold) apply_pins(listing.files, pinned->files);
  return listing;
}

HubListing list_task(const Hub& hub, const std::string& task, const std::string& revision) {
  const auto belongs = [&](std::string_view path) {
    const std::string_view folder = path.substr(0, path.find('/'));
    return task == "glue" || folder == task;
  };
  HubListing listing{std::string(kGlueName), revision.empty() ? "main" : revision, {}};
  check_names(listing.name, listing.revision);
  std::vector<std::string_view> tasks{"glue"};
  for (const PinnedFile& pin : pinned_glue()) {
    const std::string_view folder = pin.path.substr(0, pin.path.find('/'));
    if (std::find(tasks.begin(), tasks.end(), folder) == tasks.end()) tasks.push_back(folder);
    if (!belongs(pin.path)) continue;
    HubFile file{std::string(pin.path), {"", pin.bytes, std::string(pin.sha256)}};
    file.remote.url = fmt::format("{}/datasets/{}/resolve/{}/{}", hub.endpoint, kGlueName,
                                  escaped(listing.revision), pin.path);
    listing.files.push_back(std::move(file));
  }
  if (listing.files.empty()) {
    throw UsageError(fmt::format("[fetch] there is no task {}; tasks: {}.", quote(task),
                                 fmt::join(tasks, ", ")));
  }
  if (revision.empty()) return listing;
  // Another revision may have other bytes: its own hashes count.
  const RemoteListing remote = list_repository(hub, "datasets", listing.name, revision);
  listing.revision = remote.commit;
  for (HubFile& file : listing.files) {
    const HubFile* found = find_file(remote.files, file.path);
    require(found != nullptr, "[fetch] {} has no {} at revision {}.", kGlueName, file.path,
            revision);
    file = *found;
  }
  return listing;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
