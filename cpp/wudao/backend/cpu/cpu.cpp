#include "wudao/backend/cpu/cpu.h"

#include "wudao/backend/cpu/gemm/gemm.h"
#include "wudao/base/error.h"

namespace wudao {

#if defined(__x86_64__)
namespace baseline { extern const kernels::Table table; }
namespace avx2 { extern const kernels::Table table; }
namespace avx512 { extern const kernels::Table table; }
namespace avx512_vnni { extern const kernels::Table table; }
namespace avx512_bf16 { extern const kernels::Table table; }
#else
namespace neon { extern const kernels::Table table; }
#endif

namespace cpu {

const kernels::Table& table(CpuLevel level) {
  switch (level) {
#if defined(__x86_64__)
    case CpuLevel::kBaseline: return baseline::table;
    case CpuLevel::kAvx2: return avx2::table;
    case CpuLevel::kAvx512: return avx512::table;
    case CpuLevel::kAvx512Vnni: return avx512_vnni::table;
    case CpuLevel::kAvx512Bf16: return avx512_bf16::table;
    case CpuLevel::kNeon: break;
#else
    default: return neon::table;
#endif
  }
  throw InternalError(text("cpu: no kernels were built for level ", name_of(level), "."));
}

const char* matmul_name() { return gemm::provider().name; }

const char* matmul_description(DType compute) { return gemm::provider().describe(compute); }

}  // namespace cpu
}  // namespace wudao
