#include "wudao/backend/cpu/gemm/packed.h"

#include <algorithm>
#include <memory>

#include "wudao/backend/cpu/gemm/aligned_buffer.h"
#include "wudao/backend/cpu/gemm/providers.h"

namespace wudao::cpu::gemm {
namespace {

struct Owner : PackedB {
  AlignedBuffer memory;
};

}  // namespace

PackedB* allocate_packed(const plain::Kernels& kernels, std::int64_t k, std::int64_t n, DType compute,
                         const PackedMemory& from) {
  const int panels = static_cast<int>((n + kPanelCols - 1) / kPanelCols);
  const std::int64_t panel_bytes = kernels.panel_bytes(k, std::min(n, kPanelCols), compute);
  auto packed = std::unique_ptr<Owner>(new Owner{{&kernels, compute, k, n, panels, panel_bytes, nullptr},
                                                 AlignedBuffer(static_cast<std::size_t>(panel_bytes * panels), from)});
  packed->data = static_cast<char*>(packed->memory.data());
  return packed.release();
}

void pack_panel(const Operand& b, PackedB* packed, int panel) {
  const Panel cols = panel_of(*packed, panel);
  packed->kernels->pack(cut_cols(b, cols.begin, cols.size), packed->compute, packed->panel_data(panel));
}

void free_packed(PackedB* packed) { delete static_cast<Owner*>(packed); }

void multiply_packed(const Operand& a, const PackedB& packed, int panel, const Result& c) {
  packed.kernels->multiply_packed(a, packed, panel, c);
}

}  // namespace wudao::cpu::gemm
