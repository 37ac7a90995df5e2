// One task of a linear layer's product, with what follows it.
#pragma once

#include "wudao/backend/cpu/kernels/linear_finish.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"

namespace wudao::WUDAO_ISA {

// Rows [row, row + rows) by one panel.
template <class T>
void forward_tile(const kernels::LinearForward& p, const cpu::gemm::PackedB& weight, int panel, std::int64_t row,
                  std::int64_t rows) {
  const void* const first = p.windows == nullptr ? element(p.x, p.compute, row * p.in) : p.x;
  const cpu::gemm::Operand x = {first, p.compute, rows, p.in, p.in, 1};
  with_type_like<T>(p.compute, [&](auto compute) {
    gemm::multiply_panel<T>({x, p.windows, row, p.pixels != nullptr}, weight, panel, [&](gemm::Piece<T> piece) {
      piece.row += row;
      finish_linear<typename decltype(compute)::type>(p, piece);
    });
  });
}

// All rows, at most kFewRows, by columns [begin, begin + cols), at most kFewCols: the weight is most of what is read,
// and a task takes few of its columns.
template <class T>
void forward_columns(const kernels::LinearForward& p, const cpu::gemm::PackedB& weight, std::int64_t begin,
                     std::int64_t cols) {
  const cpu::gemm::Operand x = {p.x, p.compute, p.rows, p.in, p.in, 1};
  with_type_like<T>(p.compute, [&](auto compute) {
    gemm::multiply_few<T>(x, weight, begin, cols, [&](const gemm::Piece<T>& piece) {
      finish_linear<typename decltype(compute)::type>(p, piece);
    });
  });
}

}  // namespace wudao::WUDAO_ISA
