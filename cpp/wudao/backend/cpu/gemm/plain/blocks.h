// The loops around the register tile for two factors that are both packed on the way.
//
// K is cut into blocks of kBlock units, so that a sliver of the block stays in the first-level cache while all rows
// pass over it; each block's sums are added to C, in order.
#pragma once

#include "wudao/backend/cpu/gemm/gemm.h"
#include "wudao/backend/cpu/gemm/plain/rows.h"
#include "wudao/backend/cpu/gemm/plain/tile_rows.h"

namespace wudao::WUDAO_ISA::gemm {

// C (+)= rows of A times the slivers of one block of K; `sliver_units` is the distance of slivers.
template <class Kind>
struct Block {
  Rows a;
  const typename Kind::Unit* b;
  std::int64_t sliver_units, units, rows, cols;
  typename Kind::Sum* c;
  std::int64_t c_stride;
  bool add;
};

template <class Kind>
void multiply_block(const Block<Kind>& t) {
  for (std::int64_t j = 0; j < t.cols; j += kSliver<Kind>) {
    const auto* sliver = t.b + j / kSliver<Kind> * t.sliver_units;
    const std::int64_t cols = smaller(kSliver<Kind>, t.cols - j);
    const std::int64_t pass = rows_of_pass<Kind>(cols);
    for (std::int64_t i = 0; i < t.rows; i += pass) {
      const int count = static_cast<int>(smaller(pass, t.rows - i));
      tile_of_rows<Kind>(count, t.units, rows_from(t.a, i), sliver, t.c + i * t.c_stride + j, t.c_stride, cols, t.add);
    }
  }
}

// C (+)= A B, block of K by block of K. A block of B is packed once for all rows, one of A once for kColBlock columns,
// or for all if it holds all rows. `pack(k, depth, j, width, to)` packs columns [j, j + width) of rows [k, k + depth).
template <class Kind, class From, class Pack>
void multiply_blocks(const cpu::gemm::Operand& a, std::int64_t cols, const cpu::gemm::Result& c, Work& work,
                     Pack&& pack) {
  using Element = typename From::Element;
  using Unit = typename Kind::Unit;
  constexpr std::int64_t kDepth = kBlock * Kind::kDepth;
  const Source<Element> left = {static_cast<const Element*>(a.data), a.cols, a.rows, a.col_stride, a.row_stride};
  Unit* const packed = reinterpret_cast<Unit*>(work.b);
  Rows rows;
  for (std::int64_t k = 0; k < a.cols; k += kDepth) {
    for (std::int64_t j = 0; j < cols; j += kColBlock) {
      const std::int64_t width = smaller(kColBlock, cols - j);
      pack(k, smaller(kDepth, a.cols - k), j, width, packed);
      for (std::int64_t i = 0; i < a.rows; i += kRowBlock) {
        const auto part = block_of(left, k, kDepth, i, kRowBlock);
        const std::int64_t units = units_of<Kind>(part.depth);
        if (j == 0 || a.rows > kRowBlock) rows = rows_of_a<Kind, From>(part, work.a);
        typename Kind::Sum* const to = static_cast<typename Kind::Sum*>(c.data) + i * c.row_stride + j;
        multiply_block<Kind>({rows, packed, units * kSliver<Kind>, units, part.width, width, to, c.row_stride,
                              c.accumulate || k > 0});
      }
    }
  }
}

}  // namespace wudao::WUDAO_ISA::gemm
