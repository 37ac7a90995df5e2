// The providers behind gemm.h and what they share.
#pragma once

#include <vector>

#include "wudao/backend/cpu/gemm/gemm.h"
#include "wudao/base/cpu_level.h"

namespace wudao::cpu::gemm {

const Provider& plain_provider();
#ifdef WUDAO_WITH_ONEDNN
const Provider& onednn_provider();
#endif
#ifdef WUDAO_WITH_CBLAS
const Provider& cblas_provider();
#endif

// Every provider that was built, best first, and the choice behind provider().
std::vector<const Provider*> all_providers();
const Provider& choose_provider();

// The instruction set that the process uses: choose_cpu_level(), asked once.
CpuLevel cpu_level();

// The operands cut: rows [first, first + count), columns likewise.
Operand cut_rows(const Operand& x, std::int64_t first, std::int64_t count);
Operand cut_cols(const Operand& x, std::int64_t first, std::int64_t count);

// Sets every element of a (rows x cols) result to zero, or leaves it when it accumulates: the product with K = 0.
void multiply_empty(std::int64_t rows, std::int64_t cols, DType dtype, const Result& c);

}  // namespace wudao::cpu::gemm
