// Packing: B into slivers, A into row blocks, both as units of a kind.
#pragma once

#include "wudao/backend/cpu/gemm/plain/convert.h"

namespace wudao::WUDAO_ISA::gemm {

// A matrix in memory: element (k, j) lies at data[k * k_stride + j * stride]; j is a column of B or a row of A.
template <class Element>
struct Source {
  const Element* data;
  std::int64_t depth, width;  // number of k, number of j
  std::int64_t k_stride, stride;
};

template <class Kind>
constexpr std::int64_t units_of(std::int64_t depth) { return (depth + Kind::kDepth - 1) / Kind::kDepth; }

// Transposes kWidth vectors of kWidth units in place, exchanging ever larger blocks.
template <class Kind>
WUDAO_INLINE_ALWAYS void transpose(typename Kind::UnitVector (&rows)[kWidth<Kind>]) {
  constexpr int kN = kWidth<Kind>;
  using Index = decltype(rows[0] < rows[0]);
  Index lane{};
#pragma GCC unroll 16
  for (int i = 0; i < kN; ++i) lane[i] = i;
#pragma GCC unroll 4
  for (int step = 1; step < kN; step *= 2) {
    const Index upper = (lane & step) != 0;
    const Index first = upper ? lane - step + kN : lane, second = upper ? lane + kN : lane + step;
#pragma GCC unroll 16
    for (int i = 0; i < kN; ++i) {
      if (i & step) continue;
      const auto a = rows[i], b = rows[i + step];
      rows[i] = __builtin_shuffle(a, b, first);
      rows[i + step] = __builtin_shuffle(a, b, second);
    }
  }
}

// One unit at a time; columns past the width are zeros.
template <class Kind, class From>
void pack_units(const Source<typename From::Element>& b, std::int64_t first_unit, std::int64_t units, std::int64_t j0,
                std::int64_t count, typename Kind::Unit* out) {
  for (std::int64_t u = first_unit; u < units; ++u) {
    const std::int64_t k = u * Kind::kDepth;
    for (std::int64_t j = 0; j < count; ++j) {
      const bool inside = j0 + j < b.width;
      out[u * kSliver<Kind> + j] = inside ? From::unit(b.data + k * b.k_stride + (j0 + j) * b.stride, b.k_stride, k + 1 < b.depth) : typename Kind::Unit{};
    }
  }
}

// One vector of columns of a sliver, columns adjacent in memory. Returns how many units it has packed.
template <class Kind, class From>
std::int64_t pack_across(const Source<typename From::Element>& b, std::int64_t j0, typename Kind::Unit* out) {
  const std::int64_t units = b.depth / Kind::kDepth;
  const auto* from = b.data + j0;
  for (std::int64_t u = 0; u < units; ++u, from += Kind::kDepth * b.k_stride) {
    store(out + u * kSliver<Kind>, From::across(from, b.k_stride));
  }
  return units;
}

// The same with adjacent k.
template <class Kind, class From>
std::int64_t pack_along(const Source<typename From::Element>& b, std::int64_t j0, typename Kind::Unit* out) {
  constexpr int kN = kWidth<Kind>;
  const std::int64_t units = b.depth / Kind::kDepth / kN * kN;
  for (std::int64_t u = 0; u < units; u += kN) {
    typename Kind::UnitVector block[kN];
#pragma GCC unroll 16
    for (int j = 0; j < kN; ++j) block[j] = From::along(b.data + (j0 + j) * b.stride + u * Kind::kDepth);
    transpose<Kind>(block);
#pragma GCC unroll 16
    for (int i = 0; i < kN; ++i) store(out + (u + i) * kSliver<Kind>, block[i]);
  }
  return units;
}

// All slivers of a block of B.
template <class Kind, class From>
void pack_slivers(const Source<typename From::Element>& b, typename Kind::Unit* out) {
  constexpr int kN = kWidth<Kind>;
  const std::int64_t units = units_of<Kind>(b.depth);
  for (std::int64_t j0 = 0; j0 < rounded_up(b.width, kSliver<Kind>); j0 += kN) {
    typename Kind::Unit* to = out + j0 / kSliver<Kind> * kSliver<Kind> * units + j0 % kSliver<Kind>;
    std::int64_t done = 0;
    if (j0 + kN <= b.width) {
      if (b.stride == 1) done = pack_across<Kind, From>(b, j0, to);
      else if (b.k_stride == 1) done = pack_along<Kind, From>(b, j0, to);
    }
    pack_units<Kind, From>(b, done, units, j0, kN, to);
  }
}

// A block of A as [row block][unit][kRows].
template <class Kind, class From>
void pack_rows(const Source<typename From::Element>& a, typename Kind::Unit* out) {
  const std::int64_t units = units_of<Kind>(a.depth);
  for (std::int64_t i0 = 0; i0 < a.width; i0 += kRows) {
    const std::int64_t rows = smaller(kRows, a.width - i0);
    for (std::int64_t u = 0; u < units; ++u, out += kRows) {
      const std::int64_t k = u * Kind::kDepth;
      const auto* from = a.data + k * a.k_stride + i0 * a.stride;
      for (std::int64_t r = 0; r < rows; ++r) out[r] = From::unit(from + r * a.stride, a.k_stride, k + 1 < a.depth);
    }
  }
}

}  // namespace wudao::WUDAO_ISA::gemm
