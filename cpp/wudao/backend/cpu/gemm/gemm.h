// The product of two matrices behind one small interface that each provider fills in. Products with a packed weight are
// always our own (packed.h).
//
// Every call runs on the calling thread alone. Row i of a result depends on row i of A and on B only, never on how many
// rows were asked for, and each element adds its K products in an order fixed by K and the dtypes. The loops above cut
// work into tiles as they like, and one thread or eight, one row or a thousand, give the same bits. Not promised: the
// same bits for another row stride of the result (oneDNN chooses by it), so whoever needs equal bits multiplies into
// equal tiles.
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

struct Provider {
  const char* name;  // "onednn", "cblas", "plain"
  // What runs, for people: library, version and the instruction set that it really uses for `compute`.
  const char* (*describe)(DType compute);
  // C[a.rows, b.cols] (+)= A * B, both of one type: float32, bfloat16, float16 or float64; sums in float32
  // (float64 for float64).
  void (*multiply)(const Operand& a, const Operand& b, const Result& c);
};

// The provider in use: WUDAO_MATMUL, or the first that was built: plain, onednn, cblas on x86; cblas, plain elsewhere.
// Chosen once.
const Provider& provider();

}  // namespace wudao::cpu::gemm
