// A fuzzer without coverage, which needs no clang and runs with the tests: it damages good files of
// each reader by a few random edits, the same ones on every machine. The sanitizer build runs it
// too.
//   mutate [ROUNDS [TARGET]]
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <random>

#include "tests/fuzz/targets.h"

namespace soragrad::fuzz {
namespace {

char position[128];  // what a crash is reported with

void report_crash(int signal) {
  const ssize_t written = ::write(STDERR_FILENO, position, std::strlen(position));
  ::_exit(written > 0 ? 128 + signal : 1);
}

// Pieces that mean something to one format or another.
const std::string kPieces[] = {"\"",
                               "{",
                               "}",
                               "[",
                               "]",
                               ",",
                               ":",
                               "\n",
                               "\t",
                               "\r",
                               "*",
                               "&",
                               "-",
                               "- ",
                               "# ",
                               "..",
                               "/",
                               "\\u0000",
                               "\\ud800",
                               "null",
                               "true",
                               "-1",
                               "0",
                               "1e999",
                               "1e-400",
                               "0.5",
                               "4294967296",
                               "9223372036854775807",
                               "9223372036854775808",
                               "18446744073709551615",
                               "99999999999999999999",
                               std::string(1, '\0'),
                               "\xff",
                               "\xef\xbb\xbf",
                               "\xc0\x80",
                               "\xf4\x90\x80\x80",
                               "PK\3\4",
                               "\x80\x02",
                               std::string(300, '['),
                               std::string(300, '{'),
                               std::string(2000, '('),
                               std::string(70, '9'),
                               std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8),
                               std::string("\0\0\0\0\0\0\0\x80", 8)};

struct Mutator {
  std::mt19937_64 random;

  size_t below(size_t n) { return n ? random() % n : 0; }

  void edit(std::string& bytes, const std::string& other) {
    const size_t at = below(bytes.size() + 1);
    const size_t length = below(std::min<size_t>(bytes.size() - at, 32) + 1);
    switch (below(8)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random());
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 4:
        bytes.resize(at);
        break;
      case 5: {
        const std::string& piece = kPieces[below(std::size(kPieces))];
        bytes.replace(at, std::min(piece.size(), bytes.size() - at), piece);
        break;
      }
      case 6:
        bytes.insert(at, kPieces[below(std::size(kPieces))]);
        break;
      default: {  // a part of another file
        const size_t from = below(other.size() + 1);
        bytes.insert(at, other.substr(from, below(64)));
      }
    }
  }
};

int run_target(const Target& target, int rounds) {
  const std::vector<std::string> seeds = corpus(target);
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    std::snprintf(position, sizeof position, "mutate: %.40s fails in round %d\n",
                  std::string(target.name).c_str(), round);
    Mutator mutator{std::mt19937_64(static_cast<uint64_t>(round) + 1)};
    std::string bytes = seeds[mutator.below(seeds.size())];
    const std::string other = seeds[mutator.below(seeds.size())];
    const bool whole = round < static_cast<int>(seeds.size());
    if (whole) bytes = seeds[static_cast<size_t>(round)];
    for (size_t edits = whole ? 0 : 1 + mutator.below(4); edits > 0; --edits) {
      mutator.edit(bytes, other);
    }
    ::alarm(20);  // a reader that hangs
    refused += !run(target, bytes);
    ::alarm(0);
  }
  return refused;
}

int main_of(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 1000;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM}) {
    std::signal(signal, report_crash);
  }
#if !defined(__SANITIZE_ADDRESS__)
  const rlimit limit{size_t{2} << 30, size_t{2} << 30};
  ::setrlimit(RLIMIT_AS, &limit);
#endif
  int failures = 0, ran = 0;
  for (const auto& list : {checkpoint_targets(), text_targets(), table_targets()}) {
    for (const Target& target : list) {
      if (argc > 2 && target.name != argv[2]) continue;
      const std::string name(target.name);
      ++ran;
      try {
        const int refused = run_target(target, rounds);
        std::printf("%-24s %d files, %d refused\n", name.c_str(), rounds, refused);
        if (refused == 0 || refused == rounds) {
          std::fprintf(stderr, "%s: %s files were refused: such seeds or edits prove nothing\n",
                       name.c_str(), refused == 0 ? "no" : "all");
          ++failures;
        }
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s%s: an exception that is no Error: %.300s\n", position,
                     name.c_str(), error.what());
        ++failures;
      }
    }
  }
  return failures > 0 || ran == 0;
}

}  // namespace
}  // namespace soragrad::fuzz

int main(int argc, char** argv) {
  return soragrad::fuzz::main_of(argc, argv);
}

// SPDX-License-Identifier: Apache-2.0
