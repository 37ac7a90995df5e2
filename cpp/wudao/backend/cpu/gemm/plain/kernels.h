// What the plain kernels of one instruction set offer. Plain data only: the files compiled per set include this.
//
// A panel is cut into slivers of `sliver` columns; a sliver holds its columns row by row, zeros past the last column:
//   float32, float64:  [sliver][k][column]; so does float16, as float32 of its values
//   bfloat16 with dot products:  [sliver][k / 2][column][2], a zero after an odd last k
#pragma once

#include <cstdint>

#include "wudao/backend/cpu/gemm/gemm.h"

namespace wudao::cpu::gemm {

struct PackedB;

namespace plain {

struct Kernels {
  const char* name;  // of the instructions in use
  // Bytes of a packed (k x n) panel, and of the work space of one call.
  std::int64_t (*panel_bytes)(std::int64_t k, std::int64_t n, DType compute);
  std::int64_t (*work_bytes)();
  // B is one panel of float32, rounded when compute is bfloat16 or float16, or float64.
  void (*pack)(const Operand& b, DType compute, void* panel);
  // C[a.rows, columns of the panel] (+)= A * panel.
  void (*multiply_packed)(const Operand& a, const PackedB& packed, int panel, const Result& c);
  // C (+)= A * B.
  void (*multiply)(const Operand& a, const Operand& b, const Result& c, void* work);
};

}  // namespace plain
}  // namespace wudao::cpu::gemm

#if defined(__x86_64__)
namespace wudao::baseline {
extern const cpu::gemm::plain::Kernels plain_gemm;
}
namespace wudao::avx2 {
extern const cpu::gemm::plain::Kernels plain_gemm;
}
namespace wudao::avx512 {
extern const cpu::gemm::plain::Kernels plain_gemm;
}
namespace wudao::avx512_vnni {
extern const cpu::gemm::plain::Kernels plain_gemm;
}
namespace wudao::avx512_bf16 {
extern const cpu::gemm::plain::Kernels plain_gemm;
}
#elif defined(__aarch64__)
namespace wudao::neon {
extern const cpu::gemm::plain::Kernels plain_gemm;
}
#endif
