// du = activation'(u) * dropout(dy);  dx = du W;  dweight = sum over shards of du_s^T x_s;  dbias = the same of du.
#include "wudao/backend/cpu/kernels/column_sums.h"
#include "wudao/backend/cpu/kernels/linear_dx.h"
#include "wudao/backend/cpu/kernels/linear_int8.h"
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/linear_shards.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"

namespace wudao::WUDAO_ISA {
namespace {

constexpr std::int64_t kColumnBlock = 512;  // values of one row at work

// One stretch of a row of du: made, stored unless it is dy itself, and added to the column sums.
template <class T>
void du_row(const kernels::LinearBackward& p, std::int64_t row, std::int64_t col, std::int64_t size, T* sums) {
  alignas(64) T du[kColumnBlock];
  const std::int64_t first = row * p.out + col;
  load_row(p.dy, p.y_type, first, du, size);
  if (p.dropout > 0)
    dropout_in_place(du, p.key, p.dropout, static_cast<std::uint64_t>(p.first_row * p.out + first), size);
  if (p.activation != kernels::Activation::kNone) {
    alignas(64) T u[kColumnBlock];
    load_row(p.preactivation, p.compute, first, u, size);
    activation_gradient_row(du, u, p.activation, size);
  }
  if (p.du != p.dy) store_row(du, p.du, p.compute, first, size);
  if (sums != nullptr) add_row(sums, du, size);
}

// The column sums of rows of dy as it is: a few columns at a time, in registers.
template <class T, class S>
void sum_columns(const S* dy, std::int64_t cols, RowRange rows, T* sums) {
  constexpr std::int64_t kWidth = Vec<T>::kWidth, kVectors = 4;
  std::int64_t col = 0;
  for (; col + kVectors * kWidth <= cols; col += kVectors * kWidth) {
    Vec<T> total[kVectors];
    for (auto& one : total) one = Vec<T>::splat(0);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      for (std::int64_t v = 0; v < kVectors; ++v) total[v] += Vec<T>::load(dy + row * cols + col + v * kWidth);
    }
    for (std::int64_t v = 0; v < kVectors; ++v) total[v].store(sums + col + v * kWidth);
  }
  for_vectors<kWidth>(col, cols, [&](std::int64_t j, auto lanes) {
    Vec<T> total = Vec<T>::splat(0);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) total += Vec<T>::load(dy + row * cols + j, lanes);
    total.store(sums + j, lanes);
  });
}

template <class T>
void du_chunk(const kernels::LinearBackward& p, RowRange rows, T* sums) {
  if (p.du == p.dy && p.dropout <= 0 && p.activation == kernels::Activation::kNone) {
    return as_stored<T>(p.dy, p.y_type, 0, [&](const auto* dy) { sum_columns(dy, p.out, rows, sums); });
  }
  if (sums != nullptr) clear_row(sums, p.out);
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    for (std::int64_t col = 0; col < p.out; col += kColumnBlock) {
      du_row(p, row, col, smaller(kColumnBlock, p.out - col), sums == nullptr ? nullptr : sums + col);
    }
  }
}

template <class T>
void make_du(const kernels::LinearBackward& p) {
  if (p.du == p.dy && p.dbias == nullptr) return;
  if (p.rows == 0 && p.dbias != nullptr) return clear_row(static_cast<T*>(p.dbias), p.out);
  const RowChunks chunks(p.rows, p.shards);
  parallel_for(p.pool, chunks.count(), [&](std::int64_t chunk) {
    du_chunk(p, chunks.range(chunk), p.dbias == nullptr ? nullptr : static_cast<T*>(p.work) + chunk * p.out);
  });
  if (p.dbias != nullptr) sum_chunks(p.pool, chunks, static_cast<T*>(p.work), p.out, static_cast<T*>(p.dbias));
}

template <class T>
void make_dx(const kernels::LinearBackward& p) {
  const auto& weight =
      cpu::packed_weight(plain_gemm, *p.packed, cpu::WeightUse::kBackward, {p.weight, p.out, p.in, p.compute}, *p.pool);
  for_each_tile(p.pool, p.rows, weight.panels, [&](int panel, std::int64_t row, std::int64_t rows) {
    dx_tile<T>({p.du, p.dx, p.compute, p.in, p.out, p.dy_windows, p.pixels, p.rectified}, weight, panel, row, rows);
  });
}

// Windows are always the right factor; where dy has them, the gradient is made the other way round.
void make_dweight(const kernels::LinearBackward& p) {
  const std::int64_t rows = p.rows / p.shards;
  const bool turned = p.dy_windows != nullptr;
  const kernels::Windows* const windows = turned ? p.dy_windows : p.x_windows;
  const void *const left = turned ? p.x : p.du, *const right = turned ? p.du : p.x;
  const std::int64_t m = turned ? p.in : p.out, n = turned ? p.out : p.in;
  auto* parts = static_cast<ShardRows*>(
      cpu::workspace(cpu::Workspace::kParts, p.shards * static_cast<std::int64_t>(sizeof(ShardRows))));
  for (std::int64_t s = 0; s < p.shards; ++s) {
    const void* const of_shard = windows != nullptr ? right : element(right, p.compute, s * rows * n);
    parts[s] = {element(left, p.compute, s * rows * m), of_shard, rows, true, true, s * rows};
  }
  void* const nodes[] = {p.dweight};
  shard_product({parts, p.shards, m, n, m, n, p.compute, 0, false, nodes, p.pool, false, windows, turned});
}

template <class T>
void backward(const kernels::LinearBackward& p) {
  make_du<T>(p);
  if (p.dx != nullptr && p.digits != nullptr) {
    make_dx_int8(p);
  } else if (p.dx != nullptr) {
    make_dx<T>(p);
  }
  if (p.dweight != nullptr) make_dweight(p);
}

}  // namespace

void linear_backward(const kernels::LinearBackward& p) {
  if (p.compute == DType::kFloat64) return backward<double>(p);
  backward<float>(p);
}

}  // namespace wudao::WUDAO_ISA
