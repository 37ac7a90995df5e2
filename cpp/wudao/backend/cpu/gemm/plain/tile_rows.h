// The register tile for 1 to kRows rows, compiled once per kind.
#pragma once

#include "wudao/backend/cpu/gemm/plain/tile.h"

namespace wudao::WUDAO_ISA::gemm {

// C (+)= `rows` rows of A times one sliver of B over `steps` units of K; `cols` columns of C are written, and no more are
// computed than their vectors hold. Memory from
// `next` on, kNextLines lines a step, is brought nearer meanwhile unless it is null.
template <class Kind>
void tile_of_rows(int rows, std::int64_t steps, const UnitsOfA& a, const typename Second<Kind>::Unit* b,
                  typename Kind::Sum* c, std::int64_t stride, std::int64_t cols, bool add, const char* next = nullptr);

}  // namespace wudao::WUDAO_ISA::gemm
