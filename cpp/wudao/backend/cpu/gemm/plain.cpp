// The provider without a library: our own kernels, compiled for each instruction set.
//
// Numerics: K is cut into blocks (of a length fixed by the type); a block is summed from its first product to its last
// in one register per element, and the blocks are added in order. Nothing of that depends on rows, columns or threads.
#include <algorithm>
#include <memory>
#include <string>

#include "wudao/backend/cpu/gemm/aligned_buffer.h"
#include "wudao/backend/cpu/gemm/plain/kernels.h"
#include "wudao/backend/cpu/gemm/providers.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::cpu::gemm {
namespace {

constexpr std::int64_t kPanelCols = 256;

const plain::Kernels& kernels_of(CpuLevel level) {
#if defined(__x86_64__)
  switch (level) {
    case CpuLevel::kAvx512Bf16:
      return avx512_bf16::plain_gemm;
    case CpuLevel::kAvx512:
      return avx512::plain_gemm;
    case CpuLevel::kAvx2:
      return avx2::plain_gemm;
    default:
      return baseline::plain_gemm;
  }
#else
  static_cast<void>(level);
  return neon::plain_gemm;
#endif
}

const plain::Kernels& kernels() {
  static const plain::Kernels& chosen = kernels_of(cpu_level());
  return chosen;
}

struct Panels {
  std::int64_t panel_bytes;
  AlignedBuffer memory;
};

char* data_of(const PackedB& packed, int panel) {
  const Panels& panels = *static_cast<const Panels*>(packed.impl);
  return static_cast<char*>(panels.memory.data()) + panel * panels.panel_bytes;
}

void* work() { return workspace(Workspace::kPacked, kernels().work_bytes()); }

PackedB* allocate(std::int64_t k, std::int64_t n, DType compute) {
  const int count = static_cast<int>((n + kPanelCols - 1) / kPanelCols);
  const std::int64_t panel_bytes = kernels().panel_bytes(k, std::min(n, kPanelCols), compute);
  auto packed = std::make_unique<PackedB>(PackedB{compute, k, n, kPanelCols, count, nullptr});
  packed->impl = new Panels{panel_bytes, AlignedBuffer(static_cast<std::size_t>(panel_bytes * count))};
  return packed.release();
}

void pack_panel(const Operand& b, PackedB* packed, int panel) {
  kernels().pack(cut_panel(b, *packed, panel), packed->compute, data_of(*packed, panel));
}

void free_packed(PackedB* packed) {
  delete static_cast<Panels*>(packed->impl);
  delete packed;
}

void multiply_packed(const Operand& a, const PackedB& packed, int panel, const Result& c) {
  const std::int64_t cols = cols_of_panel(packed, panel);
  if (packed.k == 0) return multiply_empty(a.rows, cols, a.dtype, c);
  kernels().multiply_packed(a, data_of(packed, panel), cols, c, work());
}

void multiply(const Operand& a, const Operand& b, const Result& c) {
  if (a.cols == 0) return multiply_empty(a.rows, b.cols, a.dtype, c);
  kernels().multiply(a, b, c, work());
}

const char* describe(DType compute) {
  static const std::string name = std::string("wudao_rt ") + kernels().name;
  static const std::string bfloat16 =
      name + (cpu_level() == CpuLevel::kAvx512Bf16 ? " vdpbf16ps" : ", bfloat16 widened");
  return (compute == DType::kBFloat16 ? bfloat16 : name).c_str();
}

}  // namespace

const Provider& plain_provider() {
  static const Provider provider = {"plain", describe, allocate, pack_panel, free_packed, multiply_packed, multiply};
  return provider;
}

}  // namespace wudao::cpu::gemm
