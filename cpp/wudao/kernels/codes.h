// Arguments of the kernels of vector quantization.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"

namespace wudao {
class ThreadPool;
struct PackedForms;
}  // namespace wudao

namespace wudao::kernels {

// codes[n] = the first k with the largest score z_n . e_k - |e_k|^2 / 2, which is the nearest code: |z - e|^2 less |z|^2,
// times -1/2. The product is that of a linear layer; no rows x codes matrix is held. With `work`, most codes may be told
// to be too far in 8 bits first; the answer is the same.
struct VqAssign {
  const void* z;        // (rows, width)
  const void* book;     // (codes, width)
  PackedForms* packed;  // where packed forms of the book are kept
  const void* halves;   // (codes,) |e_k|^2 / 2
  std::int32_t* nearest;
  DType dtype;  // float32 or float64
  std::int64_t rows, width, codes;
  ThreadPool* pool;
  void* work = nullptr;  // filter_bytes(rows, width, codes), 64-byte aligned; float32 alone
};

constexpr std::int64_t kMostFiltered = 4096;  // the widest codes that are looked at in 8 bits

// A look costs as much for a short code as for a long one: below these the product itself is as quick.
constexpr bool is_filtered(std::int64_t width, std::int64_t codes) {
  return width >= 64 && width <= kMostFiltered && codes >= 1024;
}

// Digits and five numbers of each code, and a byte for each of what they are looked at in.
constexpr std::int64_t filter_bytes(std::int64_t rows, std::int64_t width, std::int64_t codes) {
  const std::int64_t whole = (codes + 63) / 64 * 64;
  return whole * ((width + 3) / 4 * 4 + 20) + (rows + 63) / 64 + whole / 4;
}

// Of a difference d = y - target:  losses[s] = sum over shard s of absolute |d| + squared d^2;
// dy = scale (absolute sign(d) + 2 squared d).
struct DifferenceLoss {
  const void* y;
  const void* target;
  void* dy;        // of y's type; null: the loss only
  double* losses;  // (shards,)
  double* work;    // shards * kDifferenceChunks
  DType dtype;     // float32 or float64
  double absolute, squared, scale;
  std::int64_t size;
  int shards;
  ThreadPool* pool;
};

constexpr std::int64_t kDifferenceChunks = 64;  // into which a shard is cut, whoever computes it

}  // namespace wudao::kernels
