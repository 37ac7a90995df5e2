// The CPU backend's door: one kernel table per instruction-set level, linked in side by side.
#pragma once

#include "wudao/base/cpu_level.h"
#include "wudao/base/dtype.h"
#include "wudao/kernels/table.h"

namespace wudao::cpu {

// The kernels compiled for `level`. The caller has checked that the machine can run them.
const kernels::Table& table(CpuLevel level);

// What the matrix provider is called, and what it really runs for a compute type.
const char* matmul_name();
const char* matmul_description(DType compute);

}  // namespace wudao::cpu
