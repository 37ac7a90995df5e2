// Packing into slivers of `V` vectors: neighbouring columns of B, or rows of A, unit after unit.
#pragma once

#include <type_traits>

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
constexpr std::int64_t units_of(std::int64_t depth) {
  return (depth + Kind::kDepth - 1) / Kind::kDepth;
}

// Transposes kWidth vectors of kWidth units in place, exchanging ever larger blocks.
template <class Kind>
WUDAO_INLINE_ALWAYS void transpose(typename Kind::UnitVector (&rows)[kWidth<Kind>]) {
  constexpr int kN = kWidth<Kind>;
  using Index = decltype(rows[0] < rows[0]);
  using Number = std::remove_reference_t<decltype(Index{}[0])>;
  Index lane{};
#pragma GCC unroll 16
  for (int i = 0; i < kN; ++i) lane[i] = static_cast<Number>(i);
#pragma GCC unroll 4
  for (int step = 1; step < kN; step *= 2) {
    const auto by = static_cast<Number>(step), width = static_cast<Number>(kN);
    const Index upper = (lane & by) != 0;
    const Index first = upper ? lane - by + width : lane, second = upper ? lane + width : lane + by;
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
template <class Kind, class From, int V>
void pack_units(const Source<typename From::Element>& b, std::int64_t first_unit, std::int64_t j0, std::int64_t count,
                typename Kind::Unit* out) {
  for (std::int64_t u = first_unit; u < units_of<Kind>(b.depth); ++u) {
    const std::int64_t k = u * Kind::kDepth;
    for (std::int64_t j = 0; j < count; ++j) {
      const bool inside = j0 + j < b.width;
      out[u * V * kWidth<Kind> + j] =
          inside ? From::unit(b.data + k * b.k_stride + (j0 + j) * b.stride, b.k_stride, k + 1 < b.depth)
                 : typename Kind::Unit{};
    }
  }
}

// One vector of columns that are adjacent in memory. Returns how many units it has packed.
template <class Kind, class From, int V>
std::int64_t pack_across(const Source<typename From::Element>& b, std::int64_t j0, typename Kind::Unit* out) {
  const std::int64_t units = b.depth / Kind::kDepth;
  const auto* from = b.data + j0;
  for (std::int64_t u = 0; u < units; ++u, from += Kind::kDepth * b.k_stride)
    store(out + u * V * kWidth<Kind>, From::across(from, b.k_stride));
  return units;
}

// Asks for the rows of B that are packed a few steps after those at `row`: short stretches of far rows, which the
// processor does not foresee.
template <class Kind, class Element>
WUDAO_INLINE_ALWAYS void prefetch_rows(const Source<Element>& b, const Element* row) {
  constexpr int kAhead = 8 * Kind::kDepth;
  constexpr std::int64_t kLine = 64 / sizeof(Element);
  for (int d = 0; d < Kind::kDepth; ++d) {
    for (std::int64_t j = 0; j < b.width; j += kLine) __builtin_prefetch(row + (kAhead + d) * b.k_stride + j);
  }
}

// Two vectors of units of neighbouring columns.
template <class Kind, class From>
WUDAO_INLINE_ALWAYS void pack_two(const typename From::Element* from, std::int64_t k_stride, typename Kind::Unit* out) {
  if constexpr (requires { From::across_two(from, k_stride, out); }) {
    From::across_two(from, k_stride, out);
  } else {
    store(out, From::across(from, k_stride));
    store(out + kWidth<Kind>, From::across(from + kWidth<Kind>, k_stride));
  }
}

// All whole slivers of columns that are adjacent in memory, row after row of B: its rows may lie a page apart each.
template <class Kind, class From, int V>
std::int64_t pack_whole_slivers(const Source<typename From::Element>& b, typename Kind::Unit* out) {
  constexpr int kCols = V * kWidth<Kind>;
  const std::int64_t units = b.depth / Kind::kDepth, slivers = b.width / kCols, step = units_of<Kind>(b.depth) * kCols;
  const auto* row = b.data;
  for (std::int64_t u = 0; u < units; ++u, row += Kind::kDepth * b.k_stride, out += kCols) {
    prefetch_rows<Kind>(b, row);
    for (std::int64_t s = 0; s < slivers; ++s) {
#pragma GCC unroll 4
      for (int v = 0; v < V; v += 2) {
        const int at = v * kWidth<Kind>;
        pack_two<Kind, From>(row + s * kCols + at, b.k_stride, out + s * step + at);
      }
    }
  }
  return units;
}

// One vector of columns whose k are adjacent in memory.
template <class Kind, class From, int V>
std::int64_t pack_along(const Source<typename From::Element>& b, std::int64_t j0, typename Kind::Unit* out) {
  constexpr int kN = kWidth<Kind>;
  const std::int64_t units = b.depth / Kind::kDepth / kN * kN;
  for (std::int64_t u = 0; u < units; u += kN) {
    typename Kind::UnitVector block[kN];
#pragma GCC unroll 16
    for (int j = 0; j < kN; ++j) block[j] = From::along(b.data + (j0 + j) * b.stride + u * Kind::kDepth);
    transpose<Kind>(block);
#pragma GCC unroll 16
    for (int i = 0; i < kN; ++i) store(out + (u + i) * V * kWidth<Kind>, block[i]);
  }
  return units;
}

// One vector of columns of a sliver, by the fastest way that its layout allows.
template <class Kind, class From, int V>
void pack_columns(const Source<typename From::Element>& b, std::int64_t j0, typename Kind::Unit* out) {
  std::int64_t done = 0;
  if (j0 + kWidth<Kind> <= b.width) {
    if (b.stride == 1)
      done = pack_across<Kind, From, V>(b, j0, out);
    else if (b.k_stride == 1)
      done = pack_along<Kind, From, V>(b, j0, out);
  }
  pack_units<Kind, From, V>(b, done, j0, kWidth<Kind>, out);
}

// All slivers of a block: [sliver][unit][V vectors]. Vectors past the width are zeros if kZeros, else left as they are.
template <class Kind, class From, int V = kColVectors, bool kZeros = true>
void pack_slivers(const Source<typename From::Element>& b, typename Kind::Unit* out) {
  constexpr int kCols = V * kWidth<Kind>;
  const std::int64_t done = b.stride == 1 ? pack_whole_slivers<Kind, From, V>(b, out) : 0;
  for (std::int64_t j = 0; j < b.width; j += kCols, out += units_of<Kind>(b.depth) * kCols) {
    if (b.stride == 1 && j + kCols <= b.width) {
      pack_units<Kind, From, V>(b, done, j, kCols, out);
      continue;
    }
    for (int v = 0; v < V && (kZeros || j + v * kWidth<Kind> < b.width); ++v)
      pack_columns<Kind, From, V>(b, j + v * kWidth<Kind>, out + v * kWidth<Kind>);
  }
}

}  // namespace wudao::WUDAO_ISA::gemm
