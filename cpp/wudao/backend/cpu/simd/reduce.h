// Sums and maxima over lanes and rows. The order depends on the length alone: lane l takes elements l, l + width, ...,
// four sums in turn, which are then added pairwise.
#pragma once

#include "wudao/backend/cpu/simd/vec.h"

namespace wudao::WUDAO_ISA {

// Combines n lanes: first half with second half, down to one.
template <class T, int n, class F>
WUDAO_INLINE T fold_lanes(Vector<T, n> v, F&& combine) {
  if constexpr (n == 1) {
    return v[0];
  } else {
    Vector<T, n / 2> half[2];
    __builtin_memcpy(half, &v, sizeof v);
    return fold_lanes<T, n / 2>(combine(half[0], half[1]), combine);
  }
}

template <class T>
WUDAO_INLINE T sum(Vec<T> x) {
  return fold_lanes<T, Vec<T>::kWidth>(x.v, [](auto a, auto b) { return a + b; });
}

template <class T>
WUDAO_INLINE T maximum(Vec<T> x) {
  return fold_lanes<T, Vec<T>::kWidth>(x.v, [](auto a, auto b) { return a > b ? a : b; });
}

// Sums f(i, lanes), a Vec<T> whose lanes beyond the row are zero, over a row of `size` elements.
template <class T, class F>
WUDAO_INLINE T sum_over(std::int64_t size, F&& f) {
  constexpr int n = Vec<T>::kWidth;
  Vec<T> part[4] = {Vec<T>::splat(0), Vec<T>::splat(0), Vec<T>::splat(0), Vec<T>::splat(0)};
  std::int64_t i = 0;
  for (; i + 4 * n <= size; i += 4 * n) {
    for (int j = 0; j < 4; ++j) part[j] += f(i + j * n, All{});
  }
  for_vectors<n>(i, size, [&](std::int64_t at, auto lanes) { part[0] += f(at, lanes); });
  return sum((part[0] + part[1]) + (part[2] + part[3]));
}

}  // namespace wudao::WUDAO_ISA
