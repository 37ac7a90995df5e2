// Rows to experts and back to their tokens.
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/kernels/experts.h"

namespace wudao::WUDAO_ISA {
namespace {

constexpr std::int64_t kBlock = 512;  // values of one row at work

template <class P>
std::uint64_t number_of(const P& p, std::int64_t row, std::int64_t col) {
  return static_cast<std::uint64_t>((p.first_row + row) * p.cols + col);
}

// Calls f(first column, columns) for the blocks of a row.
template <class F>
WUDAO_INLINE void for_blocks(std::int64_t cols, F&& f) {
  for (std::int64_t col = 0; col < cols; col += kBlock) f(col, cols - col < kBlock ? cols - col : kBlock);
}

template <class T>
void combine_block(const kernels::CombineRows& p, std::int64_t t, std::int64_t col, std::int64_t size) {
  alignas(64) T sum[kBlock];
  clear_row(sum, size);
  for (std::int64_t j = 0; j < p.k; ++j) {
    const std::int64_t slot = p.slot[t * p.k + j];
    if (slot < 0) continue;
    const T w = p.weights == nullptr ? T(1) : static_cast<const T*>(p.weights)[t * p.k + j];
    as_stored<T>(p.r, p.compute, slot * p.cols + col,
                 [&](const auto* from) { change_row(sum, from, size, [&](Vec<T> a, Vec<T> b) { return a + b * w; }); });
  }
  if (p.dropout > 0) dropout_in_place(sum, p.key, p.dropout, number_of(p, t, col), size);
  if (p.residual != nullptr) add_row(sum, p.residual, p.y_type, t * p.cols + col, size);
  store_row(sum, p.y, p.y_type, t * p.cols + col, size);
}

template <class T>
void backward_row(const kernels::CombineBackward& p, std::int64_t t) {
  alignas(64) T d[kBlock], r[kBlock];
  T* const dw = static_cast<T*>(p.dweights) + t * p.k;
  for (std::int64_t j = 0; j < p.k; ++j) dw[j] = T(0);
  for_blocks(p.cols, [&](std::int64_t col, std::int64_t size) {
    load_row(p.dy, p.y_type, t * p.cols + col, d, size);
    if (p.dropout > 0) dropout_in_place(d, p.key, p.dropout, number_of(p, t, col), size);
    for (std::int64_t j = 0; j < p.k; ++j) {
      const std::int64_t slot = p.slot[t * p.k + j];
      if (slot < 0) continue;
      load_row(p.r, p.compute, slot * p.cols + col, r, size);
      dw[j] += sum_over<T>(
          size, [&](std::int64_t i, auto lanes) { return Vec<T>::load(d + i, lanes) * Vec<T>::load(r + i, lanes); });
      const T w = static_cast<const T*>(p.weights)[t * p.k + j];
      change_row(r, d, size, [&](Vec<T>, Vec<T> b) { return b * w; });
      store_row(r, p.dr, p.compute, slot * p.cols + col, size);
    }
  });
}

}  // namespace

void gather_rows(const kernels::GatherRows& p) {
  const std::int64_t bytes = p.cols * static_cast<std::int64_t>(size_of(p.dtype));
  const std::int64_t unit = p.unit == 0 ? bytes : p.unit;
  parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t n) {
    __builtin_memcpy(static_cast<char*>(p.y) + n * bytes, static_cast<const char*>(p.x) + p.index[n] * unit,
                     static_cast<std::size_t>(bytes));
  });
}

void combine_rows(const kernels::CombineRows& p) {
  with_accumulator(accumulator_of(p.compute), [&]<class T>(Type<T>) {
    parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t t) {
      for_blocks(p.cols, [&](std::int64_t col, std::int64_t size) { combine_block<T>(p, t, col, size); });
    });
  });
}

void combine_backward(const kernels::CombineBackward& p) {
  with_accumulator(accumulator_of(p.compute), [&]<class T>(Type<T>) {
    parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t t) { backward_row<T>(p, t); });
  });
}

}  // namespace wudao::WUDAO_ISA
