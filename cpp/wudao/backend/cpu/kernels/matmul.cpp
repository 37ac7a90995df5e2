// c = op(a) op(b), cut into tiles of c that each take all of k.
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"
#include "wudao/kernels/products.h"

namespace wudao::WUDAO_ISA {
namespace {

constexpr std::int64_t kTileRows = 256, kTileCols = 256;

// Element (row, col) of op(x) lies at data[row * row_stride + col * col_stride].
struct Matrix {
  const void* data;
  DType dtype;
  std::int64_t row_stride, col_stride;

  cpu::gemm::Operand part(std::int64_t row, std::int64_t rows, std::int64_t col, std::int64_t cols) const {
    return {element(data, dtype, row * row_stride + col * col_stride), dtype, rows, cols, row_stride, col_stride};
  }
};

Matrix view(const void* data, DType dtype, bool transpose, std::int64_t rows, std::int64_t cols) {
  return transpose ? Matrix{data, dtype, 1, rows} : Matrix{data, dtype, cols, 1};
}

}  // namespace

void matmul(const kernels::Matmul& p) {
  const std::int64_t across = (p.n + kTileCols - 1) / kTileCols, down = (p.m + kTileRows - 1) / kTileRows;
  const std::int64_t size = static_cast<std::int64_t>(size_of(accumulator_of(p.dtype)));
  const Matrix a = view(p.a, p.dtype, p.transpose_a, p.m, p.k), b = view(p.b, p.dtype, p.transpose_b, p.k, p.n);
  parallel_for(p.pool, down * across, [&](std::int64_t task) {
    const std::int64_t row = task / across * kTileRows, col = task % across * kTileCols;
    const std::int64_t rows = smaller(kTileRows, p.m - row), cols = smaller(kTileCols, p.n - col);
    const cpu::gemm::Result c = {static_cast<char*>(p.c) + (row * p.n + col) * size, p.n, false};
    cpu::gemm::provider().multiply(a.part(row, rows, 0, p.k), b.part(0, p.k, col, cols), c);
  });
}

}  // namespace wudao::WUDAO_ISA
