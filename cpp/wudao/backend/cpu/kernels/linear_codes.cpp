#include "wudao/backend/cpu/kernels/linear_codes.h"

#include "wudao/backend/cpu/kernels/codes_product.h"
#include "wudao/backend/cpu/kernels/linear_finish.h"
#include "wudao/backend/cpu/quantized.h"

namespace wudao::WUDAO_ISA {
namespace {

using gemm::kCodeCols;
using gemm::SliverOfCodes;
using gemm::Words;

void pack_scales(const kernels::LinearForward& p, std::int64_t group, std::int64_t groups, std::int64_t col, char* to) {
  const int bits = p.quantized->bits;
  for (std::int64_t c = 0; c < kCodeCols; ++c) {
    const float scale = col + c < p.out ? p.quantized->scales[(col + c) * groups + group] : 0.0f;
    if (bits == 8) {
      gemm::store(to + 4 * c, scale);
    } else {
      gemm::store(to + 2 * c, static_cast<std::uint16_t>(gemm::rounded(scale) >> 16));
    }
  }
}

// Columns [sliver * kCodeCols, ...) of W^T.
void pack_sliver(const void* layer, std::int64_t sliver, char* to) {
  const kernels::LinearForward& p = *static_cast<const kernels::LinearForward*>(layer);
  const SliverOfCodes at(p.quantized->bits, p.in);
  const std::int64_t col = sliver * kCodeCols, words = p.in * at.bits / 32, depth = words / at.groups;
  const auto* codes = static_cast<const std::uint32_t*>(p.quantized->codes) + col * words;
  for (std::int64_t g = 0; g < at.groups; ++g, to += at.group_bytes()) {
    pack_scales(p, g, at.groups, col, to);
    const gemm::Source<std::uint32_t> source = {codes + g * depth, depth, smaller(kCodeCols, p.out - col), 1, words};
    auto* const units = reinterpret_cast<std::uint32_t*>(to + at.scale_bytes());
    if (at.bits == 8) {
      gemm::pack_slivers<Words, UnsignedCodes>(source, units);
    } else {
      gemm::pack_slivers<Words, gemm::AsIs<Words>>(source, units);
    }
  }
}

template <int kDigits, class S>
void multiply(const kernels::LinearForward& p, const char* codes, const SliverOfCodes& sliver) {
  multiply_codes<kDigits>({p.x, p.compute, p.work, p.rows, p.in, p.out, p.pool}, sliver, codes,
                          [&](const gemm::Piece<float>& piece) { finish_linear<S>(p, piece); });
}

const char* codes_of(const kernels::LinearForward& p, const SliverOfCodes& sliver) {
  const cpu::CodesLayout layout = {reinterpret_cast<const void*>(&pack_sliver), (p.out + kCodeCols - 1) / kCodeCols,
                                   sliver.bytes(), &pack_sliver};
  return cpu::packed_codes(*p.quantized->packed, cpu::CodesOf::kQuantized, layout, &p, *p.pool);
}

}  // namespace

void pack_codes(const kernels::LinearForward& p) { codes_of(p, SliverOfCodes(p.quantized->bits, p.in)); }

void forward_codes(const kernels::LinearForward& p) {
  const SliverOfCodes sliver(p.quantized->bits, p.in);
  const char* const codes = codes_of(p, sliver);
  with_type_like<float>(p.compute, [&]<class S>(Type<S>) {
    if (p.quantized->activation_bits == 8) return multiply<1, S>(p, codes, sliver);
    multiply<2, S>(p, codes, sliver);
  });
}

}  // namespace wudao::WUDAO_ISA
