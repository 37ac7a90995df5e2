// The matrix product behind one small interface: at most six functions, filled in by each provider.
//
// Packing costs about a second per 10^9 weights and thread (transposed bfloat16), so the panels of a weight are
// separate tasks and their memory is kept over the steps.
//
// Every call runs on the calling thread alone. Row i of a result depends on row i of A and on B only, never on how many
// rows were asked for, and each element adds its K products in an order fixed by K and the dtypes. The loops above cut
// work into tiles as they like, and one thread or eight, one row or a thousand, give the same bits. Not promised: the same
// bits for another row stride of the result (oneDNN chooses by it), so whoever needs equal bits multiplies into equal tiles.
//
// Plain data and function pointers only: kernels compiled for one instruction set include this file.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"

namespace wudao::cpu::gemm {

// A matrix operand: element (i, j) lies at data[i * row_stride + j * col_stride]; one of the strides is 1.
struct Operand {
  const void* data;
  DType dtype;
  std::int64_t rows, cols;
  std::int64_t row_stride, col_stride;
};

// A row-major result, float32 or float64. `accumulate` adds to what is there. A result without gaps (row_stride =
// columns) that does not accumulate is written without a detour.
struct Result {
  void* data;
  std::int64_t row_stride;
  bool accumulate;
};

// B (K x N) in the provider's own layout and rounded to the compute type, cut into column panels. The cut is a function
// of (K, N, compute) alone. Panel p holds columns [p * panel_cols, min(n, (p + 1) * panel_cols)).
struct PackedB {
  DType compute;  // float32, bfloat16 or float64: the type in which A will come
  std::int64_t k, n, panel_cols;
  int panels;
  void* impl;
};

struct Provider {
  const char* name;  // "onednn", "cblas", "plain"
  // What runs, for people: library, version and the instruction set that it really uses for `compute`.
  const char* (*describe)(DType compute);
  // Room for a K x N matrix, its panels still unfilled. Kept between steps: weights change, their shape does not.
  PackedB* (*allocate_packed)(std::int64_t k, std::int64_t n, DType compute);
  // Fills one panel from the whole of B, which is float32 (rounded here when compute is bfloat16), or float64 for
  // float64. Different panels may be filled by different threads at once.
  void (*pack_panel)(const Operand& b, PackedB* packed, int panel);
  void (*free_packed)(PackedB* packed);
  // C[a.rows, columns of the panel] (+)= A[a.rows, K] * panel. A is row-major (col_stride 1) of type packed.compute.
  void (*multiply_packed)(const Operand& a, const PackedB& packed, int panel, const Result& c);
  // C[a.rows, b.cols] (+)= A * B, both of one type: float32, bfloat16 or float64; sums in float32 (float64 for
  // float64).
  void (*multiply)(const Operand& a, const Operand& b, const Result& c);
};

// Allocates and fills all panels on the calling thread.
PackedB* pack_all(const Provider& provider, const Operand& b, DType compute);

// The provider in use: WUDAO_MATMUL, or the first that was built of onednn, cblas, plain. Chosen once.
const Provider& provider();

}  // namespace wudao::cpu::gemm
