// How operands come into tiles: widened, and turned where a product wants keys side by side.
#pragma once

#include "wudao/backend/cpu/kernels/attention.h"
#include "wudao/backend/cpu/simd/turn.h"

namespace wudao::WUDAO_ISA {

// Asks for a row some way ahead, as far as the next block of keys: rows lie too far apart for the processor to guess.
template <class S>
WUDAO_INLINE void prefetch_ahead(const S* row, std::int64_t stride, std::int64_t size) {
  constexpr std::int64_t kLine = 64 / static_cast<std::int64_t>(sizeof(S));
  for (std::int64_t d = 0; d < size; d += kLine) __builtin_prefetch(row + kKeyBlock * stride + d, 0, 2);
}

// Rows [first, first + rows) of an operand as (rows, stride), widened; columns from `size` to `stride` are zero.
template <class T>
void take_rows(const kernels::Strided& x, DType dtype, std::int64_t first, std::int64_t rows, std::int64_t size, T* to,
               std::int64_t stride) {
  as_stored<T>(x.data, dtype, first, [&](const auto* from) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto* row = from + r * x.row;
      prefetch_ahead(row, x.row, size);
      T* there = to + r * stride;
      for_vectors<Vec<T>::kWidth>(0, size,
                                  [&](std::int64_t d, auto lanes) { Vec<T>::load(row + d, lanes).store(there + d); });
    }
  });
}

// turn_square for a square that reaches over the end of the rows or columns, or is stored in another type.
template <class T, class S>
void turn_part(const S* from, std::int64_t row, std::int64_t rows, std::int64_t cols, T* to) {
  constexpr int n = Vec<T>::kWidth;
  alignas(64) T square[n * n], turned[n * n];
  for (int r = 0; r < n; ++r) {
    const Vec<T> values = r >= rows   ? Vec<T>::splat(0)
                          : cols >= n ? Vec<T>::load(from + r * row)
                                      : Vec<T>::load(from + r * row, First{static_cast<int>(cols)});
    values.store(square + r * n);
  }
  if (cols >= n) return turn_square(square, n, to, kKeyBlock);
  turn_square(square, n, turned, n);
  for (std::int64_t d = 0; d < cols; ++d) Vec<T>::load(turned + d * n).store(to + d * kKeyBlock);
}

// Rows [first, first + rows) of an operand, at most a block, as (size, kKeyBlock); keys from `rows` on are zero. Asks
// for the next block on the way, and for that of `beside`, evenly: too much at once would stop the processor.
template <class T>
void take_turned(const kernels::Strided& x, DType dtype, std::int64_t first, std::int64_t rows, std::int64_t size,
                 T* to, const void* beside = nullptr, std::int64_t beside_row = 0) {
  constexpr int n = Vec<T>::kWidth;
  as_stored<T>(x.data, dtype, first, [&]<class S>(const S* from) {
    for (std::int64_t r = 0; r < kKeyBlock; r += n) {
      for (std::int64_t d = 0; d < size; d += n) {
        const S* corner = from + r * x.row + d;
        for (int i = 0; i < n; ++i) __builtin_prefetch(corner + (kKeyBlock + i) * x.row, 0, 2);
        const S* other = beside == nullptr ? corner : static_cast<const S*>(beside) + r * beside_row + d;
        for (int i = 0; i < n && beside != nullptr; ++i) __builtin_prefetch(other + (kKeyBlock + i) * beside_row, 0, 2);
        T* there = to + d * kKeyBlock + r;
        if constexpr (sizeof(S) == sizeof(T)) {
          if (rows - r >= n && size - d >= n) {
            turn_square(corner, x.row, there, kKeyBlock);
            continue;
          }
        }
        turn_part(corner, x.row, rows - r, size - d, there);
      }
    }
  });
}

// A block of a cache: keys turned, and values as rows.
template <class T>
struct CachedBlock {
  const T *keys, *values;
  std::int64_t value_row;
};

// A vector of pairs of bfloat16: their lower and their upper halves as float32.
WUDAO_INLINE void split_pairs(const std::uint32_t* pairs, float* lower, float* upper) {
  constexpr int n = Vec<float>::kWidth;
  const auto both = load_raw<std::uint32_t, n>(pairs, All{});
  Vec<float>{bits_as<Vector<float, n>>(both << 16)}.store(lower);
  Vec<float>{bits_as<Vector<float, n>>(both & 0xFFFF0000u)}.store(upper);
}

// A block of bfloat16 pairs as float32: (size, kKeyBlock) and (kKeyBlock, stride), what is padded to pairs and vectors
// too.
inline void unpack_pairs(const std::uint32_t* keys, const std::uint32_t* values, std::int64_t size, float* k_turned,
                         float* v, std::int64_t stride) {
  constexpr std::int64_t n = Vec<float>::kWidth;
  for (std::int64_t d = 0; d < size; d += 2, k_turned += 2 * kKeyBlock, keys += kKeyBlock) {
    for (std::int64_t t = 0; t < kKeyBlock; t += n) split_pairs(keys + t, k_turned + t, k_turned + kKeyBlock + t);
  }
  for (std::int64_t d = 0; d < stride; d += n) {
    const std::uint32_t* from =
        values + d / kernels::kCacheColumns * kKeyBlock / 2 * kernels::kCacheColumns + d % kernels::kCacheColumns;
    for (std::int64_t t = 0; t < kKeyBlock; t += 2, from += kernels::kCacheColumns)
      split_pairs(from, v + t * stride + d, v + (t + 1) * stride + d);
  }
}

// A block of float16 as float32, in its layout.
inline void unpack_halves(const Float16* keys, const Float16* values, std::int64_t size, std::int64_t stride,
                          float* k_turned, float* v, std::int64_t v_stride) {
  constexpr std::int64_t n = Vec<float>::kWidth;
  for (std::int64_t i = 0; i < size * kKeyBlock; i += n) Vec<float>::load(keys + i).store(k_turned + i);
  for (std::int64_t t = 0; t < kKeyBlock; ++t) {
    for (std::int64_t d = 0; d < v_stride; d += n) Vec<float>::load(values + t * stride + d).store(v + t * v_stride + d);
  }
}

// What a head's part of a cache block holds; bfloat16 and float16 are widened into `k_turned` and `v`.
template <class T>
CachedBlock<T> cached_block(const std::byte* head, const kernels::AttentionShape& shape, T* k_turned, T* v) {
  const std::byte* const values = head + kernels::cache_key_bytes(shape.head_dim, shape.dtype);
  if constexpr (sizeof(T) == sizeof(float)) {
    if (shape.dtype == DType::kBFloat16) {
      const std::int64_t stride = whole_vectors<T>(shape.head_dim);
      unpack_pairs(reinterpret_cast<const std::uint32_t*>(head), reinterpret_cast<const std::uint32_t*>(values),
                   shape.head_dim, k_turned, v, stride);
      return {k_turned, v, stride};
    }
    if (shape.dtype == DType::kFloat16) {
      const std::int64_t stride = whole_vectors<T>(shape.head_dim);
      unpack_halves(reinterpret_cast<const Float16*>(head), reinterpret_cast<const Float16*>(values), shape.head_dim,
                    kernels::cache_value_stride(shape.head_dim, shape.dtype), k_turned, v, stride);
      return {k_turned, v, stride};
    }
  }
  return {reinterpret_cast<const T*>(head), reinterpret_cast<const T*>(values),
          kernels::cache_value_stride(shape.head_dim, shape.dtype)};
}

}  // namespace wudao::WUDAO_ISA
