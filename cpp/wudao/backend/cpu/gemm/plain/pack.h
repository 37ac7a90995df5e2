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
constexpr std::int64_t units_of(std::int64_t depth) {
  return (depth + Kind::kDepth - 1) / Kind::kDepth;
}

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
void pack_units(const Source<typename From::Element>& b, std::int64_t first_unit, std::int64_t j0, std::int64_t count,
                typename Kind::Unit* out) {
  for (std::int64_t u = first_unit; u < units_of<Kind>(b.depth); ++u) {
    const std::int64_t k = u * Kind::kDepth;
    for (std::int64_t j = 0; j < count; ++j) {
      const bool inside = j0 + j < b.width;
      out[u * kSliver<Kind> + j] =
          inside ? From::unit(b.data + k * b.k_stride + (j0 + j) * b.stride, b.k_stride, k + 1 < b.depth)
                 : typename Kind::Unit{};
    }
  }
}

// One vector of columns that are adjacent in memory. Returns how many units it has packed.
template <class Kind, class From>
std::int64_t pack_across(const Source<typename From::Element>& b, std::int64_t j0, typename Kind::Unit* out) {
  const std::int64_t units = b.depth / Kind::kDepth;
  const auto* from = b.data + j0;
  for (std::int64_t u = 0; u < units; ++u, from += Kind::kDepth * b.k_stride)
    store(out + u * kSliver<Kind>, From::across(from, b.k_stride));
  return units;
}

// All whole slivers of columns that are adjacent in memory, row after row of B: its rows may lie a page apart each.
template <class Kind, class From>
std::int64_t pack_whole_slivers(const Source<typename From::Element>& b, typename Kind::Unit* out) {
  const std::int64_t units = b.depth / Kind::kDepth, slivers = b.width / kSliver<Kind>,
                     step = units_of<Kind>(b.depth) * kSliver<Kind>;
  const auto* row = b.data;
  for (std::int64_t u = 0; u < units; ++u, row += Kind::kDepth * b.k_stride, out += kSliver<Kind>) {
    for (std::int64_t s = 0; s < slivers; ++s) {
#pragma GCC unroll 4
      for (int v = 0; v < kColVectors; ++v) {
        const int at = v * kWidth<Kind>;
        store(out + s * step + at, From::across(row + s * kSliver<Kind> + at, b.k_stride));
      }
    }
  }
  return units;
}

// One vector of columns whose k are adjacent in memory.
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

// One vector of columns of a sliver, by the fastest way that its layout allows.
template <class Kind, class From>
void pack_columns(const Source<typename From::Element>& b, std::int64_t j0, typename Kind::Unit* out) {
  std::int64_t done = 0;
  if (j0 + kWidth<Kind> <= b.width) {
    if (b.stride == 1)
      done = pack_across<Kind, From>(b, j0, out);
    else if (b.k_stride == 1)
      done = pack_along<Kind, From>(b, j0, out);
  }
  pack_units<Kind, From>(b, done, j0, kWidth<Kind>, out);
}

// All slivers of a block of B.
template <class Kind, class From>
void pack_slivers(const Source<typename From::Element>& b, typename Kind::Unit* out) {
  const std::int64_t sliver_units = units_of<Kind>(b.depth) * kSliver<Kind>;
  const std::int64_t done = b.stride == 1 ? pack_whole_slivers<Kind, From>(b, out) : 0;
  for (std::int64_t j = 0; j < b.width; j += kSliver<Kind>, out += sliver_units) {
    if (b.stride == 1 && j + kSliver<Kind> <= b.width) {
      pack_units<Kind, From>(b, done, j, kSliver<Kind>, out);
      continue;
    }
    for (int v = 0; v < kColVectors; ++v) pack_columns<Kind, From>(b, j + v * kWidth<Kind>, out + v * kWidth<Kind>);
  }
}

// Units [first_unit, units) of one row block of A, one at a time; `rows` of kRows are there.
template <class Kind, class From>
void pack_row_units(const Source<typename From::Element>& a, std::int64_t first_unit, std::int64_t i0,
                    std::int64_t rows, typename Kind::Unit* out) {
  for (std::int64_t u = first_unit; u < units_of<Kind>(a.depth); ++u) {
    const std::int64_t k = u * Kind::kDepth;
    const auto* from = a.data + k * a.k_stride + i0 * a.stride;
    for (std::int64_t r = 0; r < rows; ++r)
      out[u * kRows + r] = From::unit(from + r * a.stride, a.k_stride, k + 1 < a.depth);
  }
}

// The same for rows adjacent in memory, eight at a time: the two too many are overwritten by what comes next, so the
// output needs room for two more. Returns how many units it has packed.
template <class Kind, class From>
std::int64_t pack_row_eights(const Source<typename From::Element>& a, std::int64_t i0, typename Kind::Unit* out) {
  const std::int64_t units = a.depth / Kind::kDepth;
  const auto* from = a.data + i0;
  for (std::int64_t u = 0; u < units; ++u, from += Kind::kDepth * a.k_stride, out += kRows) {
    typename Kind::Unit eight[8];  // apart from `out`, so that the compiler may use vectors
    for (int r = 0; r < 8; ++r) eight[r] = From::unit(from + r, a.k_stride, true);
    __builtin_memcpy(out, eight, sizeof eight);
  }
  return units;
}

// A block of A as [row block][unit][kRows].
template <class Kind, class From>
void pack_rows(const Source<typename From::Element>& a, typename Kind::Unit* out) {
  for (std::int64_t i = 0; i < a.width; i += kRows, out += units_of<Kind>(a.depth) * kRows) {
    const bool eights = a.stride == 1 && i + 8 <= a.width;
    const std::int64_t done = eights ? pack_row_eights<Kind, From>(a, i, out) : 0;
    pack_row_units<Kind, From>(a, done, i, smaller(kRows, a.width - i), out);
  }
}

}  // namespace wudao::WUDAO_ISA::gemm
