// Models and data sets of a Hub endpoint (Hugging Face's, or a mirror): which files a name has,
// where they are and how they are recognised.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/hub/http.h"

namespace soragrad::cli {

// Where files come from, read from the environment that the Hub's own tools use.
struct Hub {
  std::string endpoint;  // HF_ENDPOINT, without a slash at its end
  HttpOptions http;      // with HF_TOKEN
};

// Throws UsageError if HF_HUB_OFFLINE forbids every connection, and for an HF_ENDPOINT that is no
// http(s) address.
Hub hub_from_environment();

// A file below the output folder.
struct HubFile {
  std::string path;
  RemoteFile remote;
};

struct HubListing {
  std::string name;      // "microsoft/deberta-v3-base"
  std::string revision;  // the commit that the revision means
  std::vector<HubFile> files;
};

// The files of a model that soragrad reads: config.json, weights (model.safetensors, its shards, or
// pytorch_model.bin) and tokenizer. An empty revision: the pinned one of a known name, else main.
// Throws with what to do if the name, the revision, the access or the weights are missing.
HubListing list_model(const Hub& hub, const std::string& name, const std::string& revision);

// GLUE as Parquet: the files of a task ("rte"), or of all ("glue"), with pinned sizes and hashes if
// the revision is empty.
HubListing list_task(const Hub& hub, const std::string& task, const std::string& revision);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
