// The product behind every weight gradient: a sum over shards of left_s^T right_s, in the fixed binary tree over
// shards.
//
// All shards of one output tile are done before the next tile is begun, so that the nodes of the tree are tiles in
// cache and never whole gradients. When the rows do not come all at once (the output layer makes them in portions), the
// nodes that wait for later portions are kept in memory: node 0, which becomes the result, and as many more as wait.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"
#include "wudao/kernels/windows.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::WUDAO_ISA {

// Some consecutive rows of one shard: `opens` if they are its first, `closes` if its last. May be empty.
struct ShardRows {
  const void* left;   // (rows, m)
  const void* right;  // (rows, n)
  std::int64_t rows;
  bool opens, closes;
  std::int64_t window = 0;  // where right is a map: the first of these rows among its windows
};

struct ShardProduct {
  const ShardRows* parts;
  int count;
  std::int64_t m, n, left_stride, right_stride;  // strides in elements
  DType compute;                                 // of left and right; the result is of its accumulator type
  std::int64_t closed;                           // shards closed by earlier portions
  bool open;                                     // whether an earlier portion left a shard open
  void* const* nodes;                            // memory for waiting nodes, (m, n) each; nodes[0] receives the result
  ThreadPool* pool;
  bool stream = false;  // the result is stored past the caches
  const kernels::Windows* windows = nullptr;  // right is a map in every part, and its rows windows of it
  bool turned = false;                        // the result is stored as (n, m); for products in one portion
};

// How many nodes need memory: those that wait before or after the parts of `product`.
int nodes_in_memory(const ShardProduct& product);

void shard_product(const ShardProduct& product);

}  // namespace wudao::WUDAO_ISA
