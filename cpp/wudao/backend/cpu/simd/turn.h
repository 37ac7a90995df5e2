// Squares of a matrix turned: rows become columns.
#pragma once

#include <utility>

#include "wudao/backend/cpu/simd/vec.h"

namespace wudao::WUDAO_ISA {

// Four values from each of the rows 0, 4, 8, ... : one 128-bit lane per row.
WUDAO_INLINE Vec<float> load_lanes(const float* from, std::int64_t row) {
#if defined(__AVX512F__)
  __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(from));
  v = _mm512_insertf32x4(v, _mm_loadu_ps(from + 4 * row), 1);
  v = _mm512_insertf32x4(v, _mm_loadu_ps(from + 8 * row), 2);
  return {_mm512_insertf32x4(v, _mm_loadu_ps(from + 12 * row), 3)};
#elif defined(__AVX2__)
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

}  // namespace wudao::WUDAO_ISA
