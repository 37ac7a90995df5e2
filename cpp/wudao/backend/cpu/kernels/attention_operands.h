// How operands come into tiles: widened, and turned where a product wants keys side by side.
#pragma once

#include <utility>

#include "wudao/backend/cpu/kernels/attention.h"

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

// Four values from each of the rows 0, 4, 8, ... : one 128-bit lane per row.
WUDAO_INLINE Vec<float> load_lanes(const float* from, std::int64_t row) {
#if WUDAO_ISA_LEVEL == 2 || WUDAO_ISA_LEVEL == 3
  __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(from));
  v = _mm512_insertf32x4(v, _mm_loadu_ps(from + 4 * row), 1);
  v = _mm512_insertf32x4(v, _mm_loadu_ps(from + 8 * row), 2);
  return {_mm512_insertf32x4(v, _mm_loadu_ps(from + 12 * row), 3)};
#elif WUDAO_ISA_LEVEL == 1
  return {_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from)), _mm_loadu_ps(from + 4 * row), 1)};
#else
  (void)row;
  return Vec<float>::load(from);
#endif
}

// Within each 128-bit lane: the lower values of a and b in turns, or the upper ones; then the same by pairs.
template <int upper, class V, int... i>
WUDAO_INLINE V take_turns(V a, V b, std::integer_sequence<int, i...>) {
  constexpr int n = sizeof...(i);
  return __builtin_shufflevector(a, b, (i / 4 * 4 + upper * 2 + i % 4 / 2 + i % 2 * n)...);
}

template <int upper, class V, int... i>
WUDAO_INLINE V take_pairs(V a, V b, std::integer_sequence<int, i...>) {
  constexpr int n = sizeof...(i);
  return __builtin_shufflevector(a, b, (i / 4 * 4 + upper * 2 + i % 2 + i % 4 / 2 * n)...);
}

// A square of as many rows and columns as a vector has lanes, turned.
WUDAO_INLINE void turn_square(const float* from, std::int64_t row, float* to, std::int64_t to_row) {
  constexpr int n = Vec<float>::kWidth;
  constexpr auto lanes = std::make_integer_sequence<int, n>{};
  for (int d = 0; d < n; d += 4) {
    const auto r0 = load_lanes(from + d, row).v, r1 = load_lanes(from + d + row, row).v;
    const auto r2 = load_lanes(from + d + 2 * row, row).v, r3 = load_lanes(from + d + 3 * row, row).v;
    const auto low01 = take_turns<0>(r0, r1, lanes), high01 = take_turns<1>(r0, r1, lanes);
    const auto low23 = take_turns<0>(r2, r3, lanes), high23 = take_turns<1>(r2, r3, lanes);
    Vec<float>{take_pairs<0>(low01, low23, lanes)}.store(to + d * to_row);
    Vec<float>{take_pairs<1>(low01, low23, lanes)}.store(to + (d + 1) * to_row);
    Vec<float>{take_pairs<0>(high01, high23, lanes)}.store(to + (d + 2) * to_row);
    Vec<float>{take_pairs<1>(high01, high23, lanes)}.store(to + (d + 3) * to_row);
  }
}

WUDAO_INLINE void turn_square(const double* from, std::int64_t row, double* to, std::int64_t to_row) {
  for (int d = 0; d < Vec<double>::kWidth; ++d) {
    for (int r = 0; r < Vec<double>::kWidth; ++r) to[d * to_row + r] = from[r * row + d];
  }
}

// The same for a square that reaches over the end of the rows or columns, or is stored in another type.
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

}  // namespace wudao::WUDAO_ISA
