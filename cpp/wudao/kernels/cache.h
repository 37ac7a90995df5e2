// Keys and values of one text, in blocks of tokens that are laid out as the products of attention read them.
//
// A block holds kCacheTokens tokens, and of each layer and head one after the other:
//   keys     (D, tokens), bfloat16 with the elements of a head in pairs: (D / 2, tokens, 2)
//   values   (tokens, D), bfloat16 with tokens in pairs, 64 columns at a time: (D / 64, tokens / 2, 64, 2)
// D is padded: to pairs in keys, to whole vectors in values. What no token has written is zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wudao/base/dtype.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::kernels {

constexpr std::int64_t kCacheTokens = 64;  // a block of keys of the online softmax
constexpr std::int64_t kCacheColumns = 64;

constexpr std::int64_t cache_bytes_of(std::int64_t elements, DType dtype) {
  return elements * static_cast<std::int64_t>(size_of(dtype));
}

// Elements from a token's values to the next one's: whole vectors of 64 bytes; for bfloat16 whole groups of columns.
constexpr std::int64_t cache_value_stride(std::int64_t head_dim, DType dtype) {
  const std::int64_t step = dtype == DType::kBFloat16 ? kCacheColumns : 64 / static_cast<std::int64_t>(size_of(dtype));
  return (head_dim + step - 1) / step * step;
}

constexpr std::int64_t cache_key_bytes(std::int64_t head_dim, DType dtype) {
  return cache_bytes_of((head_dim + head_dim % 2) * kCacheTokens, dtype);
}

// Keys and values of one head in one block.
constexpr std::int64_t cache_head_bytes(std::int64_t head_dim, DType dtype) {
  return cache_key_bytes(head_dim, dtype) + cache_bytes_of(cache_value_stride(head_dim, dtype) * kCacheTokens, dtype);
}

// One layer of a cache: head 0 of block b lies at blocks[b] + first.
struct CachedLayer {
  std::byte* const* blocks = nullptr;
  std::int64_t first = 0;

  std::byte* head(std::int64_t token, std::int64_t head, std::int64_t head_dim, DType dtype) const {
    return blocks[token / kCacheTokens] + first + head * cache_head_bytes(head_dim, dtype);
  }
};

// Writes keys and values of `count` tokens from token `first` on; row t of both lies at t * row elements, head by head.
struct CacheStore {
  const void* k;
  const void* v;
  CachedLayer to;
  DType dtype;
  std::int64_t row, heads, head_dim;
  std::int64_t first, count;
  ThreadPool* pool;
};

}  // namespace wudao::kernels
