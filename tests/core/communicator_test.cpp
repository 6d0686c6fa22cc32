#include <doctest/doctest.h>

#include "core/communicator.h"

using namespace soragrad;

TEST_CASE("communicator: the shards of all processes are the vector, in order") {
  for (const int64_t n : {0, 1, 2, 7, 1000003}) {
    for (const int size : {1, 2, 3, 8}) {
      int64_t end = 0;
      for (int rank = 0; rank < size; ++rank) {
        const ShardRange shard = shard_of(n, rank, size);
        CHECK(shard.begin == end);
        CHECK(shard.size() >= n / size);
        CHECK(shard.size() <= n / size + 1);
        end = shard.end;
      }
      CHECK(end == n);
    }
  }
}

TEST_CASE("communicator: a process that is alone gets what it gave") {
  Communicator alone;
  CHECK(alone.is_first());
  std::vector<real> unit{1, 2, 3}, received(3);
  const auto shards = alone.exchange(unit, 1, received);
  REQUIRE(shards.size() == 1);
  CHECK(shards[0].data() == unit.data());
  CHECK(alone.exchange(unit, 0, received).empty());
  CHECK(alone.max(-5) == -5);
  CHECK(alone.decide(true));
  CHECK_FALSE(alone.decide(false));
  CHECK(alone.broadcast_text("a\nb") == "a\nb");
  CHECK(alone.gather_texts("one") == std::vector<std::string>{"one"});
  CHECK(alone.gather_texts("") == std::vector<std::string>{""});
}

// SPDX-License-Identifier: Apache-2.0
