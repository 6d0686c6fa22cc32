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
  const Tensor unit = Tensor::from({1, 2, 3}, {3}), received = Tensor::zeros({3});
  alone.exchange(unit, 0, received.slice(0, 0));
  CHECK(received.to_vector() == std::vector<real>{0, 0, 0});
  alone.exchange(unit, 1, received);
  CHECK(received.to_vector() == unit.to_vector());
  CHECK(alone.max(-5) == -5);
  CHECK(alone.decide(true));
  CHECK_FALSE(alone.decide(false));
  CHECK(alone.broadcast_text("a\nb") == "a\nb");
  CHECK(alone.gather_texts("one") == std::vector<std::string>{"one"});
  CHECK(alone.gather_texts("") == std::vector<std::string>{""});
}

// SPDX-License-Identifier: Apache-2.0
