// A second factor kept packed: B (K x N) rounded to the compute type, cut into panels of columns, in the layout that
// our own kernels read (plain/kernels.h). Made once per update of a weight; multiplied by plain/panel.h.
//
// Packing costs about a second per 10^9 weights and thread (transposed bfloat16), so the panels of a weight are
// separate tasks and their memory is kept over the steps.
#pragma once

#include "wudao/backend/cpu/gemm/plain/kernels.h"
#include "wudao/tensor/packed.h"

namespace wudao::cpu::gemm {

// Columns of a panel: enough for a few slivers of every kernel, few enough to share a weight among threads.
constexpr std::int64_t kPanelCols = 256;

struct PackedB {
  const plain::Kernels* kernels;  // whose layout it is
  DType compute;                  // float32, bfloat16, float16 or float64: the type in which A will come
  std::int64_t k, n;
  int panels;
  std::int64_t panel_bytes;
  char* data;  // 64-byte aligned
  int first = 0;  // the panel that lies there; those before it are nowhere

  char* panel_data(int panel) const { return data + (panel - first) * panel_bytes; }
};

// Room for a K x N matrix, its panels still unfilled. Throws OutOfMemory.
PackedB* allocate_packed(const plain::Kernels& kernels, std::int64_t k, std::int64_t n, DType compute,
                         const PackedMemory& from = {});

// Fills one panel from the whole of B, which is of the compute type's accumulator (rounded here when compute is
// bfloat16 or float16). Different panels may be filled by different threads at once.
void pack_panel(const Operand& b, PackedB* packed, int panel);

void free_packed(PackedB* packed);

// C[a.rows, columns of the panel] (+)= A[a.rows, K] * panel. A is row-major (col_stride 1) of type packed.compute.
void multiply_packed(const Operand& a, const PackedB& packed, int panel, const Result& c);

// Columns [begin, begin + size) of the product, made by one panel.
struct Panel {
  std::int64_t begin, size;
};

constexpr Panel panel_of(const PackedB& packed, int panel) {
  const std::int64_t begin = panel * kPanelCols, left = packed.n - begin;
  return {begin, left < kPanelCols ? left : kPanelCols};
}

}  // namespace wudao::cpu::gemm
