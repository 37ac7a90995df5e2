#include "wudao/backend/cpu/gemm/widen.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "wudao/backend/cpu/workspace.h"

namespace wudao::cpu::gemm {
namespace {

float widen(BFloat16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

float widen(Float16 x) {
  const int exponent = x.bits >> 10 & 31, fraction = x.bits & 1023;
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits >> 15) << 31;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | static_cast<std::uint32_t>(fraction) << 13);
  const float size = std::ldexp(static_cast<float>(exponent == 0 ? fraction : 1024 + fraction), std::max(exponent, 1) - 25);
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(size));
}

template <class Half>
Operand widened_from(const Operand& x, Workspace use) {
  const bool by_rows = x.col_stride == 1;
  const std::int64_t lines = by_rows ? x.rows : x.cols, length = by_rows ? x.cols : x.rows;
  const std::int64_t stride = by_rows ? x.row_stride : x.col_stride;
  const std::int64_t step = std::max<std::int64_t>(length, 2);  // not 1: the strides still tell rows from columns
  float* out = static_cast<float*>(workspace(use, lines * step * static_cast<std::int64_t>(sizeof(float))));
  for (std::int64_t line = 0; line < lines; ++line) {
    const Half* from = static_cast<const Half*>(x.data) + line * stride;
    float* to = out + line * step;
    for (std::int64_t i = 0; i < length; ++i) to[i] = widen(from[i]);
  }
  return {out, DType::kFloat32, x.rows, x.cols, by_rows ? step : 1, by_rows ? 1 : step};
}

}  // namespace

Operand widened(const Operand& x, Workspace use) {
  return x.dtype == DType::kFloat16 ? widened_from<Float16>(x, use) : widened_from<BFloat16>(x, use);
}

}  // namespace wudao::cpu::gemm
