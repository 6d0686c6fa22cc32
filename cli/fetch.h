// `soragrad fetch`: a model or a task from a Hub endpoint into a folder. The only verb that opens a
// connection, and only when it is called.
#pragma once

#include <string>

namespace soragrad::cli {

struct FetchOptions {
  std::string kind;                // model or task
  std::string name;                // "deberta-v3-base", "microsoft/deberta-v3-base"; "rte", "glue"
  std::string output;              // folder, made if it is missing
  std::string revision;            // branch, tag or commit; empty: the pinned one, else main
  std::string format = "parquet";  // of a task: the Hub's parquet, or tsv, the authors' archives
};

// Downloads what is not in the folder yet and prints one line a file. An interrupted call is
// continued by the same command. Files are checked by their SHA-256, or by their size if the server
// has no hash for them, and appear under their names only when they are complete. Throws with what
// to do for names, accesses and files that the endpoint refuses.
int fetch_main(const FetchOptions& options);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
