// Whole files in and out. Reading is bounded and never trusts the name: only regular files and
// pipes are read. Writing goes to a temporary name beside the target, which is synced and renamed,
// so that a reader sees the old file or the new one and a crash leaves no half.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace soragrad {

constexpr int64_t kMaxFileBytes = int64_t{1} << 32;  // 4 GiB: far above any text file of GLUE

// The bytes of a regular file or a pipe. Throws if it cannot be opened, is something else (a
// folder, a device), holds more than max_bytes, or is a stand-in (see below).
std::string read_file(const std::string& path, int64_t max_bytes = kMaxFileBytes);

// Throws, naming `where`, if a file's bytes are what a failed download leaves in place of the file:
// a Git LFS pointer, or a web page.
void refuse_stand_in(std::string_view bytes, const std::string& where);

// Replaces the file by these bytes in one step; its folder must exist. A symbolic link keeps
// pointing to its target, and a path that is no regular file (a pipe, /dev/stdout) is written in
// place.
void write_file_atomically(const std::string& path, std::string_view bytes);

// What a path names, links followed. These throw, naming the path, if the system does not tell: the
// name is too long, links form a loop, a folder on the way may not be searched.
bool path_exists(const std::filesystem::path& path);
bool is_file(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);

// Makes the folder and those above it; one that is there already is left alone.
void make_folders(const std::filesystem::path& path);

// The path from the root on, without "." and "..". Throws if the working folder is gone.
std::filesystem::path absolute_path(const std::filesystem::path& path);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
