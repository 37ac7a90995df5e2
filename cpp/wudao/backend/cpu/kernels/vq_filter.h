// A first look at the scores of codes, in 8 bits: it leaves a few codes of a row for an exact one.
//
// z is s q + dz with integers q in [-127, 127], a code e is t c + de, and h = |e|^2 / 2. By Cauchy and Schwarz
//
//   |z . e - s t (q . c)| <= |dz| |e| + |s q| |de|
//
// so the score z . e - h lies within E of s t (q . c) - h, where E is this and what float32 may err by, on either side.
// A code whose score is below that of another for certain is no answer. The norms are made a little larger than they
// were computed, by more than their sums can err.
#pragma once

#include "wudao/backend/cpu/gemm/plain/tile_rows.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"
#include "wudao/backend/cpu/simd/digits.h"
#include "wudao/kernels/codes.h"

namespace wudao::WUDAO_ISA {

constexpr std::int64_t kBookSliver = gemm::kSliver<gemm::Codes>;
constexpr float kUnit = 5.9604645e-8f;  // what float32 rounds by, 2^-24

inline float norm_of(float squares) { return __builtin_sqrtf(squares) * 1.002f + 1e-17f; }

// A vector in 8 bits: its scale, and the norms of what is lost, of all, and of what is kept.
struct RoundedRow {
  float scale, lost, norm, kept;
  std::int32_t sum;  // of the digits

  bool usable() const { return norm < 1e15f; }
};

inline RoundedRow round_row(const float* x, std::int64_t size, std::int8_t* digits) {
  const float largest = magnitude_of(x, size).largest;
  const float inverse = largest > kSmallestScaled ? 127.0f / largest : 0.0f;
  const float scale = inverse > 0.0f ? largest / 127.0f : 0.0f;
  Vec<float> lost = Vec<float>::splat(0), norm = lost;
  Integers sum{}, squares{};
  for_vectors<Vec<float>::kWidth>(0, size, [&](std::int64_t i, auto lanes) {
    const Vec<float> value = Vec<float>::load(x + i, lanes);
    const Integers q = nearest(rounded(value * inverse));
    const Vec<float> rest = value - Vec<float>{__builtin_convertvector(q, Vec<float>::Native)} * scale;
    store_digit(q, digits + i, lanes);
    lost += rest * rest;
    norm += value * value;
    sum += q;
    squares += q * q;
  });
  return {scale, norm_of(wudao::WUDAO_ISA::sum(lost)), norm_of(wudao::WUDAO_ISA::sum(norm)),
          scale * norm_of(static_cast<float>(sum_of(squares))), sum_of(sum)};
}

// The book in 8 bits, as slivers of unsigned codes, and what bounds the scores of each code.
struct RoundedBook {
  std::uint32_t* slivers;
  float *scale, *norm, *lost, *above, *below;  // above, below: -h and what float32 may err by in adding to it
  std::int64_t units, count;  // count: whole slivers; what comes after the last code is never above

  RoundedBook(void* work, std::int64_t codes, std::int64_t width)
      : slivers(static_cast<std::uint32_t*>(work)),
        units((width + 3) / 4),
        count(gemm::rounded_up(codes, kBookSliver)) {
    scale = reinterpret_cast<float*>(slivers + units * count);
    norm = scale + count, lost = norm + count, above = lost + count, below = above + count;
  }
};

// Code k of the book, or one past its end. Returns whether it can be compared.
inline bool round_code(const kernels::VqAssign& p, const RoundedBook& book, std::int64_t k) {
  constexpr float kNever = -__builtin_huge_valf();
  alignas(64) std::int8_t digits[kernels::kMostFiltered] = {};
  RoundedRow row = {};
  if (k < p.codes) row = round_row(static_cast<const float*>(p.book) + k * p.width, p.width, digits);
  std::uint32_t* const to = book.slivers + k / kBookSliver * kBookSliver * book.units + k % kBookSliver;
  for (std::int64_t u = 0; u < book.units; ++u) {
    to[u * kBookSliver] = gemm::load<std::uint32_t>(digits + 4 * u) ^ 0x80808080u;  // + 128
  }
  const float half = k < p.codes ? static_cast<const float*>(p.halves)[k] : 0.0f;
  book.scale[k] = row.scale, book.norm[k] = row.norm, book.lost[k] = row.lost;
  book.above[k] = k < p.codes ? 16 * kUnit * half - half : kNever;
  book.below[k] = k < p.codes ? -16 * kUnit * half - half : kNever;
  return row.usable() && half < 1e30f;
}

// A row to be compared, with the factors of |e| and |de| in E.
struct FilteredRow {
  float scale, of_norm, of_lost;
  std::int32_t offset;  // 128 times the sum of its digits, which unsigned codes add
};

// The score that is bounded is a sum of `width` products in float32, and a handful of operations lie between the digits
// and the bounds; |z . e| is at most |z| |e|.
inline FilteredRow filtered(const RoundedRow& row, std::int64_t width) {
  const float rounding = static_cast<float>(2 * (width + 64)) * kUnit;
  return {row.scale, row.lost + rounding * row.norm, row.kept, 128 * row.sum};
}

// Bounds of the scores of the codes from `code` on; `sums` are those of digits and codes. kSide: 1 above, -1 below.
template <int kSide>
WUDAO_INLINE Vec<float> bound_of(const RoundedBook& book, const FilteredRow& row, const std::int32_t* sums,
                                 std::int64_t code) {
  const Integers dot = gemm::load<Integers>(sums) - row.offset;
  const auto load = [&](const float* x) { return Vec<float>::load(x + code); };
  const Vec<float> product = Vec<float>{__builtin_convertvector(dot, Vec<float>::Native)} * row.scale;
  const Vec<float> error = load(book.norm) * row.of_norm + load(book.lost) * row.of_lost;
  if constexpr (kSide > 0) return product * load(book.scale) + (error + load(book.above));
  return product * load(book.scale) - (error - load(book.below));
}

}  // namespace wudao::WUDAO_ISA
