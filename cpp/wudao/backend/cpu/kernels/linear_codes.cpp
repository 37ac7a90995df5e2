#include "wudao/backend/cpu/kernels/linear_codes.h"

#include "wudao/backend/cpu/gemm/plain/codes.h"
#include "wudao/backend/cpu/kernels/linear_finish.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"
#include "wudao/backend/cpu/quantized.h"
#include "wudao/backend/cpu/simd/digits.h"

namespace wudao::WUDAO_ISA {
namespace {

using gemm::DigitRows;
using gemm::kCodeCols;
using gemm::SliverOfCodes;
using gemm::Words;

// Codes as words of 32 bits; those of 8 bits become unsigned on the way.
struct Unsigned : gemm::AsIs<Words> {
  static WUDAO_INLINE std::uint32_t unit(const std::uint32_t* x, std::int64_t, bool) { return *x ^ 0x80808080u; }
  static WUDAO_INLINE gemm::VU32 across(const std::uint32_t* x, std::int64_t) {
    return gemm::load<gemm::VU32>(x) ^ 0x80808080u;
  }
  static WUDAO_INLINE gemm::VU32 along(const std::uint32_t* x) { return across(x, 0); }
};

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
      gemm::pack_slivers<Words, Unsigned>(source, units);
    } else {
      gemm::pack_slivers<Words, gemm::AsIs<Words>>(source, units);
    }
  }
}

// The activations of a layer as integers, in its work space.
DigitRows make_digits(const kernels::LinearForward& p, int digits, std::int64_t groups) {
  const std::int64_t lines = p.rows * digits;
  auto* const scales = static_cast<float*>(p.work);
  auto* const sums = reinterpret_cast<std::int32_t*>(scales + p.rows);
  auto* const all = reinterpret_cast<std::int8_t*>(sums + lines * groups);
  parallel_rows(p.pool, p.rows, p.in, [&](std::int64_t r) {
    as_stored<float>(p.x, p.compute, r * p.in, [&](const auto* x) {
      scales[r] = digits == 1 ? to_digits<1>(x, p.in, groups, all + r * p.in, sums + r * groups)
                              : to_digits<2>(x, p.in, groups, all + 2 * r * p.in, sums + 2 * r * groups);
    });
  });
  return {all, scales, sums, p.in, groups};
}

template <int kDigits, class S>
void multiply(const kernels::LinearForward& p, const char* codes, const SliverOfCodes& sliver) {
  const DigitRows x = make_digits(p, kDigits, sliver.groups);
  const std::int64_t height = gemm::kFewRows, down = (p.rows + height - 1) / height;
  const std::int64_t width = down > 1 ? cpu::gemm::kPanelCols : gemm::kFewCols, across = (p.out + width - 1) / width;
  const auto finish = [&](const gemm::Piece<float>& piece) { finish_linear<S>(p, piece); };
  parallel_for(p.pool, down * across, [&](std::int64_t task) {
    const std::int64_t row = task % down * height, first = task / down * width, end = smaller(first + width, p.out);
    for (std::int64_t col = first; col < end; col += kCodeCols) {
      gemm::multiply_sliver<kDigits>(x, row, smaller(height, p.rows - row), sliver,
                                     codes + col / kCodeCols * sliver.bytes(), col, smaller(kCodeCols, end - col),
                                     finish);
    }
  });
}

const char* codes_of(const kernels::LinearForward& p, const SliverOfCodes& sliver) {
  const cpu::CodesLayout layout = {reinterpret_cast<const void*>(&pack_sliver), (p.out + kCodeCols - 1) / kCodeCols,
                                   sliver.bytes(), &pack_sliver};
  return cpu::packed_codes(*p.quantized->packed, layout, &p, *p.pool);
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
