#include "wudao/backend/cpu/cpu.h"

#include "wudao/backend/cpu/gemm/gemm.h"
#include "wudao/base/error.h"

namespace wudao {

#define LEVEL(space, level) namespace space { extern const kernels::Table table; }
#include <levels.def>
#undef LEVEL

namespace cpu {

const kernels::Table& table(CpuLevel level) {
  switch (level) {
#define LEVEL(space, level) case CpuLevel::level: return space::table;
#include <levels.def>
#undef LEVEL
    default: break;
  }
  throw InternalError(text("cpu: no kernels were built for level ", name_of(level), "."));
}

const char* matmul_name() { return gemm::provider().name; }

const char* matmul_description(DType compute) { return gemm::provider().describe(compute); }

}  // namespace cpu
}  // namespace wudao
