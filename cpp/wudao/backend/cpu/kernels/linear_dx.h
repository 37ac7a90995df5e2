// One task of dx = du W.
#pragma once

#include "wudao/backend/cpu/gemm/plain/panel.h"
#include "wudao/backend/cpu/kernels/linear_rows.h"

namespace wudao::WUDAO_ISA {

struct InputGradient {
  const void* du;  // (any, out) compute
  void* dx;        // (any, in) compute
  DType compute;
  std::int64_t in, out;
  const kernels::Windows* windows = nullptr;  // du is a map, and its rows these windows
  const kernels::Pixels* pixels = nullptr;    // dx is a map, and its rows these pixels
  const void* rectified = nullptr;            // like dx, which is 0 unless this is positive
};

// dx = 0 unless x is positive
template <class T>
void rectify_row(T* dx, const void* x, DType dtype, std::int64_t first, std::int64_t size) {
  as_stored<T>(x, dtype, first, [&](const auto* at) {
    change_row(dx, at, size, [](Vec<T> d, Vec<T> seen) { return select(seen > T(0), d, Vec<T>::splat(0)); });
  });
}

// Rows [row, row + rows) by one panel of W.
template <class T>
void dx_tile(const InputGradient& p, const cpu::gemm::PackedB& weight, int panel, std::int64_t row, std::int64_t rows) {
  const void* const first = p.windows == nullptr ? element(p.du, p.compute, row * p.out) : p.du;
  const cpu::gemm::Operand du = {first, p.compute, rows, p.out, p.out, 1};
  gemm::multiply_panel<T>({du, p.windows, row, p.pixels != nullptr}, weight, panel, [&](const gemm::Piece<T>& piece) {
    for (std::int64_t r = 0; r < piece.rows; ++r) {
      const std::int64_t n = row + piece.row + r, place = p.pixels == nullptr ? n : p.pixels->place(n);
      const std::int64_t first = place * p.in + piece.col;
      T* const sums = piece.sums + r * piece.line;
      if (p.rectified != nullptr) rectify_row(sums, p.rectified, p.compute, first, piece.cols);
      store_row(sums, p.dx, p.compute, first, piece.cols);
    }
  });
}

}  // namespace wudao::WUDAO_ISA
