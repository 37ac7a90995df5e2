// bfloat16 and float16 for libraries that multiply float32 only: every value of theirs is one of float32.
#pragma once

#include "wudao/backend/cpu/gemm/gemm.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::cpu::gemm {

// Whether an operand is of one of them.
constexpr bool is_half(DType dtype) { return dtype == DType::kBFloat16 || dtype == DType::kFloat16; }

// A float32 copy of such an operand in the thread's buffer `use`; its strides are compact, its order is kept.
Operand widened(const Operand& x, Workspace use);

}  // namespace wudao::cpu::gemm
