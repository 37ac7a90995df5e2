// Keys and values of one text, in blocks of tokens that are laid out as the products of attention read them.
//
// A block holds kCacheTokens tokens, and of each layer and head one after the other:
//   keys     (D, tokens), bfloat16 with the elements of a head in pairs: (D / 2, tokens, 2)
//   values   (tokens, D), bfloat16 with tokens in pairs, 64 columns at a time: (D / 64, tokens / 2, 64, 2)
// D is padded: to pairs in keys, to whole vectors in values. What no token has written is zero.
//
// kUInt8 is a cache of codes: a key of a head is round(k / s) with s = max |k| / 127, plus 128, and so is a value.
// Scales (tokens,), float32, lie before the codes: of keys (D / 4, tokens, 4), of values (tokens / 4, D, 4), both in
// slivers of as many columns as the register tile has. The keys of all heads lie before their values, since attention
// reads the keys of several heads first. Heads of such a cache have a multiple of four elements.
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
constexpr std::int64_t kCacheUnit = 4;  // codes that are multiplied together

constexpr std::int64_t cache_bytes_of(std::int64_t elements, DType dtype) {
  return elements * static_cast<std::int64_t>(size_of(dtype));
}

// Elements from a token's values to the next one's: whole vectors of 64 bytes; for bfloat16 and codes whole groups of
// columns.
constexpr std::int64_t cache_value_stride(std::int64_t head_dim, DType dtype) {
  const bool grouped = dtype == DType::kBFloat16 || dtype == DType::kUInt8;
  const std::int64_t step = grouped ? kCacheColumns : 64 / static_cast<std::int64_t>(size_of(dtype));
  return (head_dim + step - 1) / step * step;
}

// Scales of the keys of a head in a block, or of its values.
constexpr std::int64_t cache_scale_bytes(DType dtype) {
  return dtype == DType::kUInt8 ? cache_bytes_of(kCacheTokens, DType::kFloat32) : 0;
}

constexpr std::int64_t cache_key_bytes(std::int64_t head_dim, DType dtype) {
  return cache_scale_bytes(dtype) + cache_bytes_of((head_dim + head_dim % 2) * kCacheTokens, dtype);
}

// Keys and values of one head in one block.
constexpr std::int64_t cache_head_bytes(std::int64_t head_dim, DType dtype) {
  return cache_key_bytes(head_dim, dtype) + cache_scale_bytes(dtype) +
         cache_bytes_of(cache_value_stride(head_dim, dtype) * kCacheTokens, dtype);
}

// One layer of a cache: head 0 of block b lies at blocks[b] + first.
struct CachedLayer {
  std::byte* const* blocks = nullptr;
  std::int64_t first = 0;
  DType dtype = DType::kFloat32;  // of what is stored

  std::byte* head(std::int64_t token, std::int64_t head, std::int64_t head_dim) const {
    return blocks[token / kCacheTokens] + first + head * cache_head_bytes(head_dim, dtype);
  }
};

// Writes keys and values of `count` tokens from token `first` on; row t of both lies at t * row elements, head by head.
struct CacheStore {
  const void* k;
  const void* v;
  DType dtype;  // of k and v; `to` is of the same, or of codes
  CachedLayer to;
  std::int64_t row, heads, head_dim;
  std::int64_t first, count;
  ThreadPool* pool;
};

}  // namespace wudao::kernels
