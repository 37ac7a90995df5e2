// c = op(a) op(b), cut into tiles of c that each take all of k. Of x x^T the half above the diagonal is made, and
// turned.
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"
#include "wudao/backend/cpu/simd/turn.h"
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

struct Factors {
  Matrix a, b;
};

Factors factors_of(const kernels::Matmul& p) {
  return {view(p.a, p.dtype, p.transpose_a, p.m, p.k), view(p.b, p.dtype, p.transpose_b, p.k, p.n)};
}

char* element_of_c(const kernels::Matmul& p, std::int64_t row, std::int64_t col) {
  return static_cast<char*>(p.c) + (row * p.n + col) * static_cast<std::int64_t>(size_of(accumulator_of(p.dtype)));
}

void multiply_part(const kernels::Matmul& p, const Factors& x, std::int64_t row, std::int64_t rows, std::int64_t col,
                   std::int64_t cols) {
  cpu::gemm::provider().multiply(x.a.part(row, rows, 0, p.k), x.b.part(0, p.k, col, cols),
                                 {element_of_c(p, row, col), p.n, false});
}

bool is_symmetric(const kernels::Matmul& p) {
  return p.a == p.b && p.m == p.n && p.transpose_a != p.transpose_b && p.k > 0;
}

// Rows [first, first + kSquare) left of the diagonal from the columns above it.
template <class T>
void mirror(T* c, std::int64_t n, std::int64_t first) {
  constexpr std::int64_t kSquare = Vec<T>::kWidth;
  const std::int64_t rows = smaller(kSquare, n - first);
  for (std::int64_t col = 0; col < first && rows == kSquare; col += kSquare)
    turn_square(c + col * n + first, n, c + first * n + col, n);
  for (std::int64_t i = first; i < first + rows; ++i) {
    for (std::int64_t j = rows == kSquare ? first : 0; j < i; ++j) c[i * n + j] = c[j * n + i];
  }
}

// Strips of columns down to the diagonal. Where rows of A have to be packed for every strip, strips are wider.
void multiply_symmetric(const kernels::Matmul& p) {
  const std::int64_t width = p.transpose_a ? 128 : 64;
  const Factors x = factors_of(p);
  parallel_for(p.pool, (p.n + width - 1) / width, [&](std::int64_t task) {
    const std::int64_t col = task * width, cols = smaller(width, p.n - col);
    multiply_part(p, x, 0, col + cols, col, cols);
  });
  const std::int64_t square = p.dtype == DType::kFloat64 ? Vec<double>::kWidth : Vec<float>::kWidth;
  parallel_for(p.pool, (p.n + square - 1) / square, [&](std::int64_t task) {
    if (p.dtype == DType::kFloat64) return mirror(static_cast<double*>(p.c), p.n, task * square);
    mirror(static_cast<float*>(p.c), p.n, task * square);
  });
}

}  // namespace

void matmul(const kernels::Matmul& p) {
  if (is_symmetric(p)) return multiply_symmetric(p);
  const Factors x = factors_of(p);
  const std::int64_t across = (p.n + kTileCols - 1) / kTileCols, down = (p.m + kTileRows - 1) / kTileRows;
  parallel_for(p.pool, down * across, [&](std::int64_t task) {
    const std::int64_t row = task / across * kTileRows, col = task % across * kTileCols;
    multiply_part(p, x, row, smaller(kTileRows, p.m - row), col, smaller(kTileCols, p.n - col));
  });
}

}  // namespace wudao::WUDAO_ISA
