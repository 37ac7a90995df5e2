// What every op needs besides its arguments. It travels by reference; nothing of it is global.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "wudao/base/profile.h"
#include "wudao/base/thread_pool.h"
#include "wudao/tensor/observer.h"
#include "wudao/tensor/tensor.h"

namespace wudao {

namespace kernels {
struct Table;
}

// Consecutive virtual shards.
struct ShardRange {
  int first = 0, count = 0;
};

struct Context {
  std::shared_ptr<Arena> arena;
  std::shared_ptr<ThreadPool> pool;
  const kernels::Table* kernels = nullptr;
  std::shared_ptr<Profile> profile;    // null: nothing is measured
  std::shared_ptr<Observer> observer;  // null: nobody looks on; else one shard is at work at a time

  // The micro-batch at work: `shards` virtual shards of equally many samples from shard `first_shard` on, the first of
  // which is sample `first_sample` of the global batch. Sums over rows are taken per shard, then over shards in one
  // fixed tree.
  int shards = 1;
  int first_shard = 0;
  int all_shards = 1;              // of the global batch
  std::vector<ShardRange> peers;   // those at work on each rank that shares experts with this one; empty: it has them all
  std::int64_t first_sample = 0;
  std::int64_t samples = 0;     // of the micro-batch; 0 outside of training
  std::int64_t shard_rows = 0;  // tokens of one shard; 0: those of the micro-batch tell
  bool idle = false;         // this rank has no samples now, and is there for the experts that it holds
  bool packs_anew = false;   // the weights change after this pass: nobody will use their packed forms again

  double loss_scale = 1.0;  // of the gradients at hand, a power of two: float16 has no smaller ones than 6e-8

  // Keys of the random numbers drawn inside ops (dropout).
  std::uint64_t seed = 0;
  std::uint32_t step = 0;

  Tensor empty(Shape shape, DType dtype) const { return Tensor(arena, std::move(shape), dtype); }
  Tensor zeros(Shape shape, DType dtype) const { return Tensor::zeros(arena, std::move(shape), dtype); }
};

}  // namespace wudao
