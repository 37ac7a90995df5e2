// How the forward pass of attention is cut into tasks. It follows the thread count, which the bits do not: a query's
// arithmetic is always the same.
#pragma once

#include "wudao/backend/cpu/kernels/attention.h"
#include "wudao/backend/cpu/simd/parallel.h"

namespace wudao::WUDAO_ISA {

// What one task takes of one sample: some queries of some heads. Few queries take several heads at once, block of keys
// by block of keys, since the keys of one position lie together in memory.
struct AttentionPiece {
  std::int64_t pair, heads, begin, rows;
};

// Heads of a task, tasks of a sample's heads; queries of a task, tasks of them.
struct AttentionCut {
  std::int64_t heads, groups, rows, parts;
};

inline AttentionCut cut_attention(const kernels::AttentionShape& shape, int threads, bool heads_apart) {
  constexpr std::int64_t kQueriesPerTask = 128;  // when there are too few heads to share
  constexpr std::int64_t kFewQueries = 8, kMostHeads = 16;
  const std::int64_t pairs = shape.batch * shape.heads, share = pairs / threads;
  const bool whole = share >= 4 || shape.queries <= kQueriesPerTask;
  const std::int64_t most = heads_apart || shape.queries > kFewQueries || share < 1 ? 1
                            : share < kMostHeads                                    ? share
                                                                                    : kMostHeads;
  const std::int64_t groups = (shape.heads + most - 1) / most, heads = (shape.heads + groups - 1) / groups;
  const std::int64_t rows = whole ? shape.queries : kQueriesPerTask;
  return {heads, (shape.heads + heads - 1) / heads, rows, (shape.queries + rows - 1) / rows};
}

// Calls f(piece) for all of them, the last queries first: they see most. `heads_apart`: the keys of a head lie
// together.
template <class F>
void for_each_piece(const kernels::AttentionShape& shape, ThreadPool* pool, bool heads_apart, F&& f) {
  if (shape.batch * shape.heads * shape.queries == 0) return;
  const AttentionCut c = cut_attention(shape, pool->size(), heads_apart);
  parallel_for(pool, shape.batch * c.groups * c.parts, [&](std::int64_t task) {
    const std::int64_t begin = (c.parts - 1 - task % c.parts) * c.rows;
    const std::int64_t group = task / c.parts, head = group % c.groups * c.heads;
    const std::int64_t heads = shape.heads - head < c.heads ? shape.heads - head : c.heads;
    const std::int64_t rows = shape.queries - begin < c.rows ? shape.queries - begin : c.rows;
    f(AttentionPiece{group / c.groups * shape.heads + head, heads, begin, rows});
  });
}

}  // namespace wudao::WUDAO_ISA
