// How the backward pass of attention is cut into tasks. A head is one task that makes all three gradients; when there
// are fewer heads than threads, dK and dV of some keys and dQ of some queries are tasks, which make the scores twice
// and the same bits.
#pragma once

#include "wudao/backend/cpu/kernels/attention.h"
#include "wudao/backend/cpu/simd/parallel.h"

namespace wudao::WUDAO_ISA {

struct Span {
  std::int64_t begin, end;
};

struct AttentionPart {
  std::int64_t pair;
  Span queries, keys;
  bool dq, dkv;
};

constexpr std::int64_t kRowsPerPart = 128;  // queries or keys, when heads are shared

// Part `task` of those that `count` rows make together for every pair.
inline Span span_of(std::int64_t task, std::int64_t count) {
  const std::int64_t parts = (count + kRowsPerPart - 1) / kRowsPerPart, begin = task % parts * kRowsPerPart;
  return {begin, begin + kRowsPerPart < count ? begin + kRowsPerPart : count};
}

// Calls f(part) for all of them.
template <class F>
void for_each_part(const kernels::AttentionShape& shape, ThreadPool* pool, F&& f) {
  const std::int64_t pairs = shape.batch * shape.heads, queries = shape.queries, keys = shape.keys;
  if (pairs >= pool->size()) {
    return parallel_for(pool, pairs,
                        [&](std::int64_t pair) { f(AttentionPart{pair, {0, queries}, {0, keys}, true, true}); });
  }
  const std::int64_t query_parts = (queries + kRowsPerPart - 1) / kRowsPerPart,
                     key_parts = (keys + kRowsPerPart - 1) / kRowsPerPart;
  parallel_for(pool, pairs * (query_parts + key_parts), [&](std::int64_t task) {
    const std::int64_t rest = task - pairs * key_parts;
    if (rest < 0) return f(AttentionPart{task / key_parts, {0, queries}, span_of(task, keys), false, true});
    f(AttentionPart{rest / query_parts, span_of(rest, queries), {0, keys}, true, false});
  });
}

}  // namespace wudao::WUDAO_ISA
