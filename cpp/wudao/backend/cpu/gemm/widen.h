// bfloat16 for libraries that multiply float32 only: a bfloat16 is the upper half of a float32, so widening is exact.
#pragma once

#include "wudao/backend/cpu/gemm/gemm.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::cpu::gemm {

// A float32 copy of a bfloat16 operand in the thread's buffer `use`; its strides are compact, its order is kept.
Operand widened(const Operand& x, Workspace use);

}  // namespace wudao::cpu::gemm
