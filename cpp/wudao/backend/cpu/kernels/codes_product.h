// Rows of activations, rounded to integers, times a packed weight of integer codes.
#pragma once

#include "wudao/backend/cpu/gemm/plain/codes.h"
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/drawn_digits.h"

namespace wudao::WUDAO_ISA {

// Codes as words of 32 bits; those of 8 bits become unsigned on the way.
struct UnsignedCodes : gemm::AsIs<gemm::Words> {
  static WUDAO_INLINE std::uint32_t unit(const std::uint32_t* x, std::int64_t, bool) { return *x ^ 0x80808080u; }
  static WUDAO_INLINE gemm::VU32 across(const std::uint32_t* x, std::int64_t) {
    return gemm::load<gemm::VU32>(x) ^ 0x80808080u;
  }
  static WUDAO_INLINE gemm::VU32 along(const std::uint32_t* x) { return across(x, 0); }
};

// Rounding at random, by a row's number among all of them; without a key it is to the nearest.
struct Drawing {
  const philox::Key* key = nullptr;
  std::int64_t first_row = 0;
};

// x (rows, in) of type `compute` by a weight of `out` columns; `work` holds digit_bytes(rows, in).
struct CodesProduct {
  const void* x;
  DType compute;
  void* work;
  std::int64_t rows, in, out;
  ThreadPool* pool;
  Drawing drawing = {};  // one digit only
};

// x as integers, in the work space.
inline gemm::DigitRows make_digits(const CodesProduct& p, int digits, std::int64_t groups) {
  const std::int64_t lines = p.rows * digits;
  auto* const scales = static_cast<float*>(p.work);
  auto* const sums = reinterpret_cast<std::int32_t*>(scales + p.rows);
  auto* const all = reinterpret_cast<std::int8_t*>(sums + lines * groups);
  parallel_rows(p.pool, p.rows, p.in, [&](std::int64_t r) {
    as_stored<float>(p.x, p.compute, r * p.in, [&](const auto* x) {
      if (p.drawing.key != nullptr) {
        scales[r] = draw_digits(x, p.in, *p.drawing.key, static_cast<std::uint64_t>(p.drawing.first_row + r),
                                all + r * p.in, sums + r);
        return;
      }
      scales[r] = digits == 1 ? to_digits<1>(x, p.in, groups, all + r * p.in, sums + r * groups)
                              : to_digits<2>(x, p.in, groups, all + 2 * r * p.in, sums + 2 * r * groups);
    });
  });
  return {all, scales, sums, p.in, groups};
}

// Calls finish(Piece<float>) for every piece of the product.
template <int kDigits, class Finish>
void multiply_codes(const CodesProduct& p, const gemm::SliverOfCodes& sliver, const char* codes, Finish&& finish) {
  const gemm::DigitRows x = make_digits(p, kDigits, sliver.groups);
  const std::int64_t height = gemm::kFewRows, down = (p.rows + height - 1) / height;
  const std::int64_t width = down > 1 ? cpu::gemm::kPanelCols : gemm::kFewCols, across = (p.out + width - 1) / width;
  parallel_for(p.pool, down * across, [&](std::int64_t task) {
    const std::int64_t row = task % down * height, first = task / down * width, end = smaller(first + width, p.out);
    for (std::int64_t col = first; col < end; col += gemm::kCodeCols) {
      gemm::multiply_sliver<kDigits>(x, row, smaller(height, p.rows - row), sliver,
                                     codes + col / gemm::kCodeCols * sliver.bytes(), col,
                                     smaller(gemm::kCodeCols, end - col), finish);
    }
  });
}

}  // namespace wudao::WUDAO_ISA
