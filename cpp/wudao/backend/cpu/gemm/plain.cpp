// The provider without a library: our own kernels, compiled for each instruction set.
//
// Numerics: K is cut into blocks (of a length fixed by the type); a block is summed from its first product to its last
// in one register per element, and the blocks are added in order. Nothing of that depends on rows, columns or threads.
#include "wudao/backend/cpu/gemm/plain.h"

#include <string>

#include "wudao/backend/cpu/gemm/providers.h"
#include "wudao/backend/cpu/workspace.h"
#include "wudao/base/error.h"

namespace wudao::cpu::gemm {
namespace {

const plain::Kernels& kernels_of(CpuLevel level) {
  switch (level) {
#define LEVEL(space, level) case CpuLevel::level: return space::plain_gemm;
#include <levels.def>
#undef LEVEL
    default: break;
  }
  throw InternalError(text("gemm: no kernels were built for level ", name_of(level), "."));
}

void multiply(const Operand& a, const Operand& b, const Result& c) {
  if (a.cols == 0) return multiply_empty(a.rows, b.cols, a.dtype, c);
  const plain::Kernels& kernels = plain_kernels();
  kernels.multiply(a, b, c, workspace(Workspace::kPacked, kernels.work_bytes()));
}

const char* describe(DType compute) {
  static const std::string name = std::string("wudao_rt ") + plain_kernels().name;
  static const std::string bfloat16 =
      name + (cpu_level() == CpuLevel::kAvx512Bf16 ? " vdpbf16ps" : ", bfloat16 widened");
  static const std::string float16 = name + ", float16 widened";
  if (compute == DType::kFloat16) return float16.c_str();
  return (compute == DType::kBFloat16 ? bfloat16 : name).c_str();
}

}  // namespace

const plain::Kernels& plain_kernels() {
  static const plain::Kernels& chosen = kernels_of(cpu_level());
  return chosen;
}

const Provider& plain_provider() {
  static const Provider provider = {"plain", describe, multiply};
  return provider;
}

}  // namespace wudao::cpu::gemm
