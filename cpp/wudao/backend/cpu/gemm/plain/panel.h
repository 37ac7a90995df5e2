// Rows of A times a packed panel, and what follows the product while its sums are in the first-level cache.
#pragma once

#include "wudao/backend/cpu/gemm/packed.h"
#include "wudao/backend/cpu/gemm/plain/rows.h"
#include "wudao/backend/cpu/gemm/plain/tile_rows.h"
#include "wudao/backend/cpu/gemm/plain/windows.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA::gemm {

// Finished sums of a product: rows [row, row + rows) of A by columns [col, col + cols) of B, in lines of `line`. What
// lies between them and the end of their last vector may be read.
template <class T>
struct Piece {
  T* sums;
  std::int64_t line, row, rows, col, cols;
};

// The columns of the widest piece.
template <class T>
constexpr std::int64_t kPieceCols = kColVectors * kVectorBytes / static_cast<std::int64_t>(sizeof(T));

// The first factor: rows in memory, or windows of the map that begins there, from window `window` on. An adjoint adds
// over windows and channels in one sum.
struct First {
  First(const cpu::gemm::Operand& rows, const Windows* windows = nullptr, std::int64_t window = 0, bool adjoint = false)
      : rows(rows), windows(windows), window(window), adjoint(adjoint) {}
  cpu::gemm::Operand rows;
  const Windows* windows;
  std::int64_t window;
  bool adjoint;
};

// Elements of K that an adjoint sums without a break: elsewhere windows are added up after their channels, so one long
// sum would round more often than theirs. It matters where nothing else is rounded more coarsely.
template <class Kind, class From>
constexpr std::int64_t kAdjointDepth =
    sizeof(typename From::Element) == sizeof(typename Kind::Sum) ? 64 : kBlock * Kind::kDepth;

// A block of rows by `depth` of K. Windows are gathered here, so they never leave the caches.
template <class Element>
Source<Element> block_of(const First& a, std::int64_t k, std::int64_t depth, std::int64_t row) {
  const auto* const data = static_cast<const Element*>(a.rows.data);
  if (a.windows == nullptr) {
    return block_of(Source<Element>{data, a.rows.cols, a.rows.rows, 1, a.rows.row_stride}, k, depth, row, kRowBlock);
  }
  const std::int64_t size = smaller(depth, a.rows.cols - k), rows = smaller(kRowBlock, a.rows.rows - row);
  auto* const gathered = static_cast<Element*>(
      cpu::workspace(cpu::Workspace::kWindows, kRowBlock * depth * static_cast<std::int64_t>(sizeof(Element))));
  gather_windows(*a.windows, data, a.window + row, rows, {k, k + size}, gathered);
  return {gathered, size, rows, 1, size};
}

// One block of K of some rows; B is the panel from its first unit in this block on.
template <class Kind>
struct PanelBlock {
  Rows a;
  const typename Second<Kind>::Unit* b;
  std::int64_t sliver_units, units, first_row, rows;
  bool first, last;  // of the blocks of K
};

// Adds a block of K of one sliver, which begins at column j of the panel, to `partial`, or finishes its pieces when it
// is the last. Sums of a piece stay in one buffer.
template <class Kind, class Tile, class Finish>
void multiply_sliver_of(const PanelBlock<Kind>& t, const typename Second<Tile>::Unit* sliver, cpu::gemm::Panel panel,
                        std::int64_t j, typename Kind::Sum* partial, Finish& finish) {
  using Sum = typename Kind::Sum;
  constexpr std::int64_t kLine = kSliver<Kind>, kPartialLine = cpu::gemm::kPanelCols;
  const std::int64_t cols = smaller(kLine, panel.size - j), whole = rounded_up(cols, kWidth<Kind>);  // whole vectors
  const std::int64_t pass = rows_of_pass<Tile>(whole), line = pass > kRows ? kLine / 2 : kLine;
  for (std::int64_t i = 0; i < t.rows; i += pass) {
    const int rows = static_cast<int>(smaller(pass, t.rows - i));
    Sum* const waiting = t.first && t.last ? nullptr : partial + i * kPartialLine + j;
    if (!t.last) {
      tile_of_rows<Tile>(rows, t.units, rows_from(t.a, i), sliver, waiting, kPartialLine, whole, !t.first);
      continue;
    }
    alignas(64) Sum sums[kRows * kLine];
    for (int r = 0; r < rows && !t.first; ++r)
      __builtin_memcpy(sums + r * line, waiting + r * kPartialLine, sizeof(Sum) * static_cast<std::size_t>(whole));
    tile_of_rows<Tile>(rows, t.units, rows_from(t.a, i), sliver, sums, line, whole, !t.first);
    finish(Piece<Sum>{sums, line, t.first_row + i, rows, panel.begin + j, cols});
  }
}

// From so many rows on, bfloat16 is widened once for all of them, not by the tile in each pass.
constexpr std::int64_t kWidenedFrom = 2 * kRows + 1;

// `units` lines of a sliver of KeptBf16 as those of F32.
inline const float* widen_sliver(const std::uint16_t* from, std::int64_t units, void* work) {
  float* const to = static_cast<float*>(work);
  constexpr std::int64_t kLanes = kVectorBytes / 4;
  for (std::int64_t i = 0; i < units * kSliver<F32>; i += kLanes) store(to + i, (VF32)(widened(from + i) << 16));
  return to;
}

template <class Kind, class Finish>
void multiply_block(const PanelBlock<Kind>& t, cpu::gemm::Panel panel, typename Kind::Sum* partial, void* work,
                    Finish& finish) {
  for (std::int64_t j = 0; j < panel.size; j += kSliver<Kind>) {
    const auto* sliver = t.b + j / kSliver<Kind> * t.sliver_units;
    if constexpr (sizeof(*t.b) < sizeof(typename Kind::Unit)) {
      if (t.rows >= kWidenedFrom) {
        multiply_sliver_of<Kind, F32>(t, widen_sliver(sliver, t.units, work), panel, j, partial, finish);
        continue;
      }
    }
    multiply_sliver_of<Kind, Kind>(t, sliver, panel, j, partial, finish);
  }
}

template <class Kind, class From, class Finish>
void multiply_panel_of(const First& a, const cpu::gemm::PackedB& packed, int panel, Finish& finish) {
  using Sum = typename Kind::Sum;
  const std::int64_t depth = a.adjoint ? kAdjointDepth<Kind, From> : kBlock * Kind::kDepth;
  const std::int64_t cols = a.rows.cols, rows = a.rows.rows;
  auto& work = *static_cast<Work*>(cpu::workspace(cpu::Workspace::kPacked, sizeof(Work)));
  constexpr std::int64_t kPartialBytes = kRowBlock * cpu::gemm::kPanelCols * static_cast<std::int64_t>(sizeof(Sum));
  Sum* const partial =
      cols > depth ? static_cast<Sum*>(cpu::workspace(cpu::Workspace::kTile, kPartialBytes)) : nullptr;
  const auto* b = reinterpret_cast<const typename Second<Kind>::Unit*>(packed.panel_data(panel));
  for (std::int64_t i = 0; i < rows; i += kRowBlock) {
    std::int64_t k = 0;
    do {  // once when K is 0
      const auto part = block_of<typename From::Element>(a, k, depth, i);
      const PanelBlock<Kind> block = {rows_of_a<Kind, From>(part, work.a),
                                      b + k / Kind::kDepth * kSliver<Kind>,
                                      units_of<Kind>(cols) * kSliver<Kind>,
                                      units_of<Kind>(part.depth),
                                      i,
                                      part.width,
                                      k == 0,
                                      k + depth >= cols};
      multiply_block<Kind>(block, cpu::gemm::panel_of(packed, panel), partial, work.b, finish);
      k += depth;
    } while (k < cols);
  }
}

// Rows that are few: their sums of a whole sliver fit into the first-level cache beside a block of it.
constexpr std::int64_t kFewRows = 64;

// Columns of B that few rows take in one task, a part of a panel.
constexpr std::int64_t kFewCols = 64;

// What the pass number `pass` over a block of a sliver brings nearer: its part of the same block of the next sliver,
// which begins at `next`. One pass alone is busy with its own block.
template <class Kind>
inline const char* next_for_pass(const void* next, std::int64_t steps, std::int64_t pass, std::int64_t rows) {
  constexpr std::int64_t kStepBytes = kSliver<Kind> * static_cast<std::int64_t>(sizeof(typename Second<Kind>::Unit));
  constexpr std::int64_t kPasses = kStepBytes > 64 * kNextLines ? kStepBytes / (64 * kNextLines) : 1;
  if (rows <= kRows || pass >= kPasses) return nullptr;
  return static_cast<const char*>(next) + pass * steps * kNextLines * 64;
}

// Some columns of a panel: slivers that lie one after the other in memory, each read once from its first unit to its
// last while few rows pass over its blocks.
template <class Kind, class From, class Finish>
void multiply_few_of(const cpu::gemm::Operand& a, const cpu::gemm::PackedB& packed, std::int64_t first_col,
                     std::int64_t cols, Finish& finish) {
  using Sum = typename Kind::Sum;
  using Element = typename From::Element;
  constexpr std::int64_t kLine = kSliver<Kind>, kDepth = kBlock * Kind::kDepth;
  auto& work = *static_cast<Work*>(cpu::workspace(cpu::Workspace::kPacked, sizeof(Work)));
  const std::int64_t units = units_of<Kind>(a.cols);
  const int panel = static_cast<int>(first_col / cpu::gemm::kPanelCols);
  const auto* b = reinterpret_cast<const typename Second<Kind>::Unit*>(packed.panel_data(panel)) +
                  first_col % cpu::gemm::kPanelCols * units;
  const Source<Element> rows = {static_cast<const Element*>(a.data), a.cols, a.rows, 1, a.row_stride};
  alignas(64) Sum sums[kFewRows * kLine];
  for (std::int64_t j = 0; j < cols; j += kLine, b += units * kLine) {
    std::int64_t k = 0;
    do {  // once when K is 0
      const auto part = block_of(rows, k, kDepth, 0, kFewRows);
      const Rows left = rows_of_a<Kind, From>(part, work.a);
      const auto* block = b + k / Kind::kDepth * kLine;
      const std::int64_t steps = units_of<Kind>(part.depth);
      for (std::int64_t i = 0; i < a.rows; i += kRows) {
        tile_of_rows<Kind>(static_cast<int>(smaller(kRows, a.rows - i)), steps, rows_from(left, i), block,
                           sums + i * kLine, kLine, kLine, k > 0,
                           next_for_pass<Kind>(block + units * kLine, steps, i / kRows, a.rows));
      }
      k += kDepth;
    } while (k < a.cols);
    for (std::int64_t i = 0; i < a.rows; i += kRows)
      finish(
          Piece<Sum>{sums + i * kLine, kLine, i, smaller(kRows, a.rows - i), first_col + j, smaller(kLine, cols - j)});
  }
}

// multiply_panel for at most kFewRows rows and the columns [first_col, first_col + cols) of B, kFewCols at most, that
// begin at a multiple of it. The bits are the same.
template <class T, class Finish>
void multiply_few(const cpu::gemm::Operand& a, const cpu::gemm::PackedB& packed, std::int64_t first_col,
                  std::int64_t cols, Finish&& finish) {
  if constexpr (sizeof(T) == 8) {
    multiply_few_of<F64, AsIs<F64>>(a, packed, first_col, cols, finish);
  } else if (a.dtype == DType::kBFloat16) {
    multiply_few_of<KeptBf16, FromBf16>(a, packed, first_col, cols, finish);
  } else if (a.dtype == DType::kFloat16) {
    multiply_few_of<F32, WidenedHalf>(a, packed, first_col, cols, finish);
  } else {
    multiply_few_of<F32, AsIs<F32>>(a, packed, first_col, cols, finish);
  }
}

// Calls finish(Piece<T>) for every piece of A times a panel. A is row-major of type packed.compute, T its accumulator.
// Uses the work spaces kPacked, kTile and kWindows.
template <class T, class Finish>
void multiply_panel(const First& a, const cpu::gemm::PackedB& packed, int panel, Finish&& finish) {
  if constexpr (sizeof(T) == 8) {
    multiply_panel_of<F64, AsIs<F64>>(a, packed, panel, finish);
  } else if (a.rows.dtype == DType::kBFloat16) {
    multiply_panel_of<KeptBf16, FromBf16>(a, packed, panel, finish);
  } else if (a.rows.dtype == DType::kFloat16) {
    multiply_panel_of<F32, WidenedHalf>(a, packed, panel, finish);
  } else {
    multiply_panel_of<F32, AsIs<F32>>(a, packed, panel, finish);
  }
}

}  // namespace wudao::WUDAO_ISA::gemm
