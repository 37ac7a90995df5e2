// u = x W^T + bias;  y = residual + dropout(activation(u)).
//
// A task is a tile of rows by one panel of the packed weight; what follows the product happens while the tile is in
// cache.
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"
#include "wudao/kernels/products.h"

namespace wudao::WUDAO_ISA {
namespace {

// What follows the product, for one row: `u` holds `size` values from column `col` on.
template <class T>
void finish_row(const kernels::LinearForward& p, T* u, std::int64_t row, cpu::Panel cols) {
  const std::int64_t first = row * p.out + cols.begin;
  if (p.bias != nullptr) add_row(u, static_cast<const T*>(p.bias) + cols.begin, cols.size);
  if (p.preactivation != nullptr) store_row(u, p.preactivation, p.compute, first, cols.size);
  activate_row(u, p.activation, cols.size);
  if (p.dropout > 0) {
    dropout_in_place(u, p.key, p.dropout, static_cast<std::uint64_t>((p.first_row + row) * p.out + cols.begin),
                     cols.size);
  }
  if (p.residual != nullptr) add_row(u, p.residual, p.y_type, first, cols.size);
  store_row(u, p.y, p.y_type, first, cols.size);
}

template <class T>
void forward_tile(const kernels::LinearForward& p, const cpu::gemm::PackedB& weight, int panel, std::int64_t row,
                  std::int64_t rows) {
  const cpu::Panel cols = cpu::panel_of(weight, panel);
  T* tile = tile_memory<T>(rows * cols.size);
  const cpu::gemm::Operand x = {element(p.x, p.compute, row * p.in), p.compute, rows, p.in, p.in, 1};
  cpu::gemm::provider().multiply_packed(x, weight, panel, {tile, cols.size, false});
  for (std::int64_t i = 0; i < rows; ++i) finish_row(p, tile + i * cols.size, row + i, cols);
}

template <class T>
void forward(const kernels::LinearForward& p) {
  const auto& weight =
      cpu::packed_weight(*p.packed, cpu::WeightUse::kForward, {p.weight, p.out, p.in, p.compute}, *p.pool);
  for_each_tile(p.pool, p.rows, weight.panels,
                [&](int panel, std::int64_t row, std::int64_t rows) { forward_tile<T>(p, weight, panel, row, rows); });
}

}  // namespace

void linear_forward(const kernels::LinearForward& p) {
  if (p.compute == DType::kFloat64) return forward<double>(p);
  forward<float>(p);
}

}  // namespace wudao::WUDAO_ISA
