// The register tile: R rows of A times the first V vectors of one sliver of B over a block of K, one accumulator per
// element.
#pragma once

#include "wudao/backend/cpu/gemm/plain/convert.h"

namespace wudao::WUDAO_ISA::gemm {

// Units of A: unit (row, k) lies at data[row * row_stride + k * k_stride], strides in bytes.
struct UnitsOfA {
  const char* data;
  std::int64_t row_stride, k_stride;
};

template <class Kind, int R, int V>
struct Sums {
  typename Kind::Vector v[R][V];
};

// How far ahead B is asked for while few rows pass over it: what limits them is memory.
constexpr std::int64_t kAhead = 2048;

// Lines of what comes next that a pass over B asks for at each step: see `next` below.
constexpr std::int64_t kNextLines = 2;

// sums[r][c] = sum over k of A[r][k] * B[k][c], from the first k to the last. With kFetches, memory from `next` on is
// asked for meanwhile: a second pass over the same B leaves the way to memory free for what is read afterwards.
template <class Kind, int R, int V, bool kFetches>
WUDAO_INLINE_ALWAYS void sum_products(std::int64_t steps, UnitsOfA a, const typename Second<Kind>::Unit* b,
                                      const char* next, Sums<Kind, R, V>& sums) {
  using UnitVector = typename Kind::UnitVector;
  using Unit = typename Kind::Unit;
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < V; ++c) sums.v[r][c] = typename Kind::Vector{};
  }
  const char* lower = a.data + kRows * a.row_stride;  // rows from kRows on
  for (std::int64_t k = 0; k < steps; ++k) {
    UnitVector columns[V];
#pragma GCC unroll 8
    for (int c = 0; c < V; ++c) {
      columns[c] = Second<Kind>::vector(b + c * kWidth<Kind>);
      if constexpr (R <= kRows / 2 && !kFetches)
        __builtin_prefetch(reinterpret_cast<const char*>(b + c * kWidth<Kind>) + kAhead);
    }
    if constexpr (kFetches) {
#pragma GCC unroll 8
      for (std::int64_t line = 0; line < kNextLines; ++line) __builtin_prefetch(next + line * 64);
      next += kNextLines * 64;
    }
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const Unit unit = load<Unit>((r < kRows ? a.data : lower) + r % kRows * a.row_stride);
      const UnitVector row = unit - UnitVector{};  // in every lane; x - 0 is x, also for -0
#pragma GCC unroll 8
      for (int c = 0; c < V; ++c) sums.v[r][c] = Kind::multiply_add(row, columns[c], sums.v[r][c]);
    }
    a.data += a.k_stride;
    lower += a.k_stride;
    b += kSliver<Kind>;
  }
}

template <class Kind, int V>
WUDAO_INLINE_ALWAYS void store_row(const typename Kind::Vector (&sums)[V], typename Kind::Sum* c, bool add) {
  using Vector = typename Kind::Vector;
#pragma GCC unroll 8
  for (int j = 0; j < V; ++j) {
    typename Kind::Sum* to = c + j * kWidth<Kind>;
    store(to, add ? load<Vector>(to) + sums[j] : sums[j]);
  }
}

// Writes or adds the sums to C; the last vector at the right edge may have fewer columns.
template <class Kind, int R, int V>
WUDAO_INLINE_ALWAYS void store_sums(const Sums<Kind, R, V>& sums, typename Kind::Sum* c, std::int64_t stride,
                                    std::int64_t cols, bool add) {
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r, c += stride) {
    if (cols == V * kWidth<Kind>) {
      store_row<Kind, V>(sums.v[r], c, add);
    } else {
      typename Kind::Sum row[V * kWidth<Kind>];
      store_row<Kind, V>(sums.v[r], row, false);
      for (std::int64_t j = 0; j < cols; ++j) c[j] = add ? c[j] + row[j] : row[j];
    }
  }
}

template <class Kind, int R, int V, bool kFetches>
void tile(std::int64_t steps, const UnitsOfA& a, const typename Second<Kind>::Unit* b, const char* next,
          typename Kind::Sum* c, std::int64_t stride, std::int64_t cols, bool add) {
  Sums<Kind, R, V> sums;
  sum_products<Kind, R, V, kFetches>(steps, a, b, next, sums);
  store_sums<Kind, R, V>(sums, c, stride, cols, add);
}

}  // namespace wudao::WUDAO_ISA::gemm
