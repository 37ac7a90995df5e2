// Sums over rows, column by column, in the house order: chunks of kRowChunk rows within a shard, in order; then the
// shards in the fixed tree.
#pragma once

#include "wudao/backend/cpu/kernels/shard_tree.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/kernels/rows.h"

namespace wudao::WUDAO_ISA {

struct RowRange {
  std::int64_t begin, end;
};

// The chunks of all shards, numbered shard by shard.
struct RowChunks {
  std::int64_t shard_rows, per_shard, shards;

  WUDAO_INLINE RowChunks(std::int64_t rows, int shards)
      : shard_rows(rows / shards), per_shard(kernels::column_chunks(rows, shards) / shards), shards(shards) {}

  WUDAO_INLINE std::int64_t count() const { return per_shard * shards; }

  WUDAO_INLINE RowRange range(std::int64_t chunk) const {
    const std::int64_t shard = chunk / per_shard, first = chunk % per_shard * kernels::kRowChunk;
    const std::int64_t size = shard_rows - first < kernels::kRowChunk ? shard_rows - first : kernels::kRowChunk;
    const std::int64_t begin = shard * shard_rows + first;
    return {begin, begin + size};
  }
};

// y[j] += x[j]
template <class T>
WUDAO_INLINE void add_columns(T* y, const T* x, RowRange columns) {
  for_vectors<Vec<T>::kWidth>(columns.begin, columns.end, [=](std::int64_t j, auto lanes) {
    (Vec<T>::load(y + j, lanes) + Vec<T>::load(x + j, lanes)).store(y + j, lanes);
  });
}

// partial: (chunks.count(), cols), one line per chunk, is used up; its sum goes to y (cols,).
template <class T>
WUDAO_INLINE void sum_chunks(ThreadPool* pool, const RowChunks& chunks, T* partial, std::int64_t cols, T* y) {
  constexpr std::int64_t kColumns = 512;
  parallel_chunks(pool, cols, kColumns, [&](std::int64_t begin, std::int64_t end) {
    const auto add = [&](std::int64_t into, std::int64_t from) {
      add_columns(partial + into * cols, partial + from * cols, {begin, end});
    };
    for (std::int64_t s = 0; s < chunks.shards; ++s) {
      for (std::int64_t c = 1; c < chunks.per_shard; ++c) add(s * chunks.per_shard, s * chunks.per_shard + c);
    }
    shard_tree(chunks.shards,
               [&](std::int64_t into, std::int64_t from) { add(into * chunks.per_shard, from * chunks.per_shard); });
    for (std::int64_t j = begin; j < end; ++j) y[j] = partial[j];
  });
}

}  // namespace wudao::WUDAO_ISA
