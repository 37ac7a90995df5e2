// The loops' view of the first factor: blocks of rows by blocks of K, packed where they are not units already.
#pragma once

#include "wudao/backend/cpu/gemm/plain/pack.h"
#include "wudao/backend/cpu/gemm/plain/tile.h"

namespace wudao::WUDAO_ISA::gemm {

constexpr std::int64_t kBlock = 256;     // units of K per block
constexpr std::int64_t kRowBlock = 288;  // rows of A at a time: whole slivers of every kind, 256 in one go
constexpr std::int64_t kColBlock = 256;  // columns of an unpacked B at a time

// Work space of one call.
struct Work {
  alignas(64) char a[kRowBlock * kBlock * sizeof(double)];
  alignas(64) char b[kColBlock * kBlock * sizeof(double)];
};

template <class Element>
Source<Element> block_of(const Source<Element>& x, std::int64_t k0, std::int64_t depth, std::int64_t j0,
                         std::int64_t width) {
  return {x.data + k0 * x.k_stride + j0 * x.stride, smaller(depth, x.depth - k0), smaller(width, x.width - j0),
          x.k_stride, x.stride};
}

// Rows of A as the tile reads them: in place when they are units already, else converted or packed into `work`.
struct Rows {
  UnitsOfA units;
  std::int64_t sliver_rows, sliver_bytes;  // how far it is from a sliver to the next; one endless sliver in place
};

// Rows that lie one element after the other, each converted where it goes.
template <class Kind, class From>
void convert_rows(const Source<typename From::Element>& a, typename Kind::Unit* to) {
  const std::int64_t whole = a.depth / kWidth<Kind> * kWidth<Kind>;
  for (std::int64_t j = 0; j < a.width; ++j, to += a.depth) {
    const auto* row = a.data + j * a.stride;
    for (std::int64_t k = 0; k < whole; k += kWidth<Kind>) store(to + k, From::along(row + k));
    for (std::int64_t k = whole; k < a.depth; ++k) to[k] = From::unit(row + k, 1, true);
  }
}

template <class Kind, class From>
Rows rows_of_a(const Source<typename From::Element>& a, void* work) {
  using Unit = typename Kind::Unit;
  constexpr bool kSameBits = Kind::kDepth * sizeof(typename From::Element) == sizeof(Unit);
  if (kSameBits && a.k_stride == 1 && a.depth % Kind::kDepth == 0) {
    const auto row_bytes = a.stride * static_cast<std::int64_t>(sizeof(*a.data));
    return {{reinterpret_cast<const char*>(a.data), row_bytes, sizeof(Unit)}, kRowBlock, 0};
  }
  if (Kind::kDepth == 1 && a.k_stride == 1) {
    convert_rows<Kind, From>(a, static_cast<Unit*>(work));
    return {{static_cast<const char*>(work), a.depth * static_cast<std::int64_t>(sizeof(Unit)), sizeof(Unit)},
            kRowBlock,
            0};
  }
  constexpr std::int64_t kUnitBytes = sizeof(Unit), kRowsTogether = kRowSliver<Kind>;
  pack_slivers<Kind, From, kRowSliver<Kind> / kWidth<Kind>, false>(a, static_cast<Unit*>(work));
  return {{static_cast<const char*>(work), kUnitBytes, kRowsTogether * kUnitBytes},
          kRowsTogether,
          units_of<Kind>(a.depth) * kRowsTogether * kUnitBytes};
}

inline UnitsOfA rows_from(const Rows& a, std::int64_t row) {
  const std::int64_t sliver = row / a.sliver_rows, within = row % a.sliver_rows;
  return {a.units.data + sliver * a.sliver_bytes + within * a.units.row_stride, a.units.row_stride, a.units.k_stride};
}

}  // namespace wudao::WUDAO_ISA::gemm
