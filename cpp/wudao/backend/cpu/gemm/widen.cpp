#include "wudao/backend/cpu/gemm/widen.h"

#include <algorithm>
#include <bit>

#include "wudao/backend/cpu/workspace.h"

namespace wudao::cpu::gemm {
namespace {

float widen(BFloat16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

}  // namespace

Operand widened(const Operand& x, Workspace use) {
  const bool by_rows = x.col_stride == 1;
  const std::int64_t lines = by_rows ? x.rows : x.cols, length = by_rows ? x.cols : x.rows;
  const std::int64_t stride = by_rows ? x.row_stride : x.col_stride;
  const std::int64_t step = std::max<std::int64_t>(length, 2);  // not 1: the strides still tell rows from columns
  float* out = static_cast<float*>(workspace(use, lines * step * static_cast<std::int64_t>(sizeof(float))));
  for (std::int64_t line = 0; line < lines; ++line) {
    const BFloat16* from = static_cast<const BFloat16*>(x.data) + line * stride;
    float* to = out + line * step;
    for (std::int64_t i = 0; i < length; ++i) to[i] = widen(from[i]);
  }
  return {out, DType::kFloat32, x.rows, x.cols, by_rows ? step : 1, by_rows ? 1 : step};
}

}  // namespace wudao::cpu::gemm
