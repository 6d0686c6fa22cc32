// GLUE as its authors serve it: a zip archive of TSV files for each task, plain files for MRPC and
// the diagnostic set. SHA-256 prefixes are those of the archives that Hugging Face's loader reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/hub/http.h"

namespace soragrad::cli {

struct GlueArchive {
  std::string_view task;    // as the key `task` spells it
  std::string_view source;  // below the endpoint
  std::string_view target;  // below the output folder: a file, or an archive's folder
  int64_t bytes;            // below 0: not known
  std::string_view sha256;  // its first digits

  bool is_zip() const { return source.ends_with(".zip"); }
};

// The archives of a task, or all for "glue". Throws a UsageError that lists the tasks.
std::vector<GlueArchive> glue_archives(std::string_view task);
// Where they are: GLUE_ENDPOINT, else the authors' server. Throws UsageError if it is no address.
std::string glue_endpoint();

// The files that an earlier call unpacked from this archive, if all are there in their sizes; else
// empty.
std::vector<std::filesystem::path> unpacked_files(const GlueArchive& archive,
                                                  const std::filesystem::path& output);
// Unpacks the texts of the archive's own folder (TARGET/NAME.tsv, .txt) and records them in
// TARGET/.fetched.json. Other members, names that lead elsewhere among them, are left alone. Throws
// if the archive is damaged, holds more than 2 GiB of texts, or none.
std::vector<std::filesystem::path> unpack(const GlueArchive& archive,
                                          const std::filesystem::path& zip_file,
                                          const std::filesystem::path& output);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
