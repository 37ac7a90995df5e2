#include "wudao/backend/cpu/gemm/widen.h"

#include <algorithm>
#include <bit>

#include "wudao/backend/cpu/workspace.h"

namespace wudao::cpu::gemm {
namespace {

float widen(BFloat16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

float round_to_bfloat16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  if (x != x) return std::bit_cast<float>((bits | 0x00400000u) & 0xFFFF0000u);
  return std::bit_cast<float>((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u);
}

// Applies `convert` element by element along the contiguous direction of x.
template <class From, class Convert>
Operand converted(const Operand& x, Workspace use, Convert convert) {
  const bool by_rows = x.col_stride == 1;
  const std::int64_t lines = by_rows ? x.rows : x.cols, length = by_rows ? x.cols : x.rows;
  const std::int64_t stride = by_rows ? x.row_stride : x.col_stride;
  const std::int64_t step = std::max<std::int64_t>(length, 2);  // not 1: the strides still tell rows from columns
  float* out = static_cast<float*>(workspace(use, lines * step * static_cast<std::int64_t>(sizeof(float))));
  for (std::int64_t line = 0; line < lines; ++line) {
    const From* from = static_cast<const From*>(x.data) + line * stride;
    float* to = out + line * step;
    for (std::int64_t i = 0; i < length; ++i) to[i] = convert(from[i]);
  }
  return {out, DType::kFloat32, x.rows, x.cols, by_rows ? step : 1, by_rows ? 1 : step};
}

}  // namespace

Operand widened(const Operand& x, Workspace use) { return converted<BFloat16>(x, use, widen); }

Operand rounded_to_bfloat16(const Operand& x, Workspace use) { return converted<float>(x, use, round_to_bfloat16); }

}  // namespace wudao::cpu::gemm
