// The register tile for some rows, compiled once per kind.
#pragma once

#include "wudao/backend/cpu/gemm/plain/tile.h"

namespace wudao::WUDAO_ISA::gemm {

// Rows of A that pass over a sliver of which `cols` columns count: twice as many where half of the registers of each
// would stand idle, and wait for the last sum.
template <class Kind>
constexpr int rows_of_pass(std::int64_t cols) {
  return cols <= kSliver<Kind> / 2 ? 2 * kRows : kRows;
}

// C (+)= `rows` rows of A, rows_of_pass at most, times one sliver of B over `steps` units of K. `cols` columns of C are
// written, and no more are computed than their vectors hold. Memory from `next` on, kNextLines lines a step, is brought
// nearer meanwhile unless it is null.
template <class Kind>
void tile_of_rows(int rows, std::int64_t steps, const UnitsOfA& a, const typename Second<Kind>::Unit* b,
                  typename Kind::Sum* c, std::int64_t stride, std::int64_t cols, bool add, const char* next = nullptr);

}  // namespace wudao::WUDAO_ISA::gemm
