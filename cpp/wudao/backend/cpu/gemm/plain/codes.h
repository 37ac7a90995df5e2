// Products with a weight of few bits (kernels/quantized.h).
//
// A sliver is kSliver<Codes> columns. Group after group of K it holds the scales of its columns (float32 for 8 bits,
// bfloat16 for 4) and then the codes, made unsigned, in units of four along K: as they are, or for 4 bits two units
// in one word, the first in the lower halves of the bytes.
#pragma once

#include "wudao/backend/cpu/gemm/plain/panel.h"
#include "wudao/kernels/quantized.h"

namespace wudao::WUDAO_ISA::gemm {

constexpr std::int64_t kCodeCols = kSliver<Codes>;
constexpr std::int64_t kUnitBytes = kCodeCols * 4;  // of one unit of all columns

// Where things lie in a sliver.
struct SliverOfCodes {
  int bits;
  std::int64_t groups, units;  // units of four codes in a group

  SliverOfCodes(int bits_, std::int64_t in)
      : bits(bits_), groups(in / kernels::quantized_group(bits_, in)), units(kernels::quantized_group(bits_, in) / 4) {}

  std::int64_t scale_bytes() const { return kCodeCols * (bits == 8 ? 4 : 2); }
  std::int64_t group_bytes() const { return scale_bytes() + units * kUnitBytes * bits / 8; }
  std::int64_t bytes() const { return groups * group_bytes(); }
};

// Activations as integers: row r is scales[r] * (256 hi + lo), or scales[r] * hi when there is one digit. A digit of
// all columns lies in one line of `depth` bytes, the digits of a row one after the other.
struct DigitRows {
  const std::int8_t* digits;
  const float* scales;
  const std::int32_t* sums;  // (rows, digits, groups): of the digits of each group
  std::int64_t depth, groups;
};

// What makes codes unsigned.
constexpr std::int32_t offset_of(int bits) { return bits == 8 ? 128 : 8; }

// A group of 4-bit codes as units.
inline void unpack_group(const char* from, std::int64_t units, std::uint32_t* to) {
  for (std::int64_t u = 0; u < units; u += 2, to += 2 * kCodeCols) {
    for (std::int64_t c = 0; c < kCodeCols; c += kWidth<Codes>, from += kVectorBytes) {
      __builtin_prefetch(from + kAhead);
      const VU32 pair = load<VU32>(from);
      store(to + c, pair & 0x0F0F0F0Fu);
      store(to + kCodeCols + c, (pair >> 4) & 0x0F0F0F0Fu);
    }
  }
}

// The scales of a vector of columns.
WUDAO_INLINE_ALWAYS VF32 scales_at(const char* scales, int bits, std::int64_t col) {
  if (bits == 8) return load<VF32>(scales + 4 * col);
  return (VF32)(widened(reinterpret_cast<const std::uint16_t*>(scales) + col) << 16);
}

// 256 hi + lo of the sums of a group. `digit_sums` are those of the row's first digit in this group.
template <int kDigits>
WUDAO_INLINE_ALWAYS VF32 whole_of(const VI32 (&sums)[kDigits], const std::int32_t* digit_sums, std::int64_t groups,
                                  std::int32_t offset) {
  const VF32 first = __builtin_convertvector(sums[0] - offset * digit_sums[0], VF32);
  if constexpr (kDigits == 1) {
    return first;
  } else {
    return first * 256.0f + __builtin_convertvector(sums[1] - offset * digit_sums[groups], VF32);
  }
}

// Units of a sliver that all rows pass over before the next ones: they and those that come next fit the first cache.
constexpr std::int64_t kBlockUnits = 64;

// sums = lines of digits times one group of codes. While some lines pass over a block, the next one is asked for:
// behind the group lies the next one, or the next sliver.
inline void sum_group(const std::int8_t* digits, std::int64_t depth, std::int64_t lines, const std::uint32_t* codes,
                      std::int64_t units, bool in_memory, std::int32_t* sums) {
  for (std::int64_t u = 0; u < units; u += kBlockUnits, codes += kBlockUnits * kCodeCols) {
    const std::int64_t steps = smaller(kBlockUnits, units - u);
    for (std::int64_t l = 0; l < lines; l += kRows) {
      const char* const next =
          in_memory ? next_for_pass<Codes>(codes + steps * kCodeCols, steps, l / kRows, lines) : nullptr;
      tile_of_rows<Codes>(static_cast<int>(smaller(kRows, lines - l)), steps,
                          {reinterpret_cast<const char*>(digits) + l * depth + u * 4, depth, 4}, codes,
                          sums + l * kCodeCols, kCodeCols, kCodeCols, u > 0, next);
    }
  }
}

// Rows [row, row + rows) times one group of a sliver: to (+)= value.
template <int kDigits>
void multiply_group(const DigitRows& x, std::int64_t row, std::int64_t rows, const SliverOfCodes& sliver,
                    std::int64_t group, const std::uint32_t* codes, const char* scales, float* to) {
  alignas(64) std::int32_t sums[kFewRows * kDigits * kCodeCols];
  const std::int64_t first = row * kDigits;
  sum_group(x.digits + first * x.depth + group * sliver.units * 4, x.depth, rows * kDigits, codes, sliver.units,
            sliver.bits == 8, sums);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int32_t* digit_sums = x.sums + (first + r * kDigits) * x.groups + group;
    for (std::int64_t c = 0; c < kCodeCols; c += kWidth<Codes>) {
      VI32 own[kDigits];
      for (int d = 0; d < kDigits; ++d) own[d] = load<VI32>(sums + (r * kDigits + d) * kCodeCols + c);
      float* const at = to + r * kCodeCols + c;
      const VF32 before = group == 0 ? VF32{} : load<VF32>(at);
      const VF32 scale = scales_at(scales, sliver.bits, c);
      // Fused by name here and below, lest the compiler choose differently.
      store(at, F32::multiply_add(whole_of(own, digit_sums, x.groups, offset_of(sliver.bits)), scale, before));
    }
  }
}

// One row times one group of a 4-bit sliver, all in registers: total (+)= value. Where rows are few, unpacking into
// memory would take longer than the products.
template <int kDigits>
WUDAO_INLINE_ALWAYS void multiply_four_bits(const DigitRows& x, std::int64_t row, std::int64_t group,
                                            std::int64_t units, const char* data, VF32 (&total)[kColVectors]) {
  const std::int8_t* digits = x.digits + row * kDigits * x.depth + group * units * 4;
  const char* codes = data + kCodeCols * 2;
  VI32 sums[kColVectors][kDigits] = {};
  for (std::int64_t u = 0; u < units; u += 2) {
    for (int c = 0; c < kColVectors; ++c, codes += kVectorBytes) {
      __builtin_prefetch(codes + kAhead);
      const VU32 pair = load<VU32>(codes), low = pair & 0x0F0F0F0Fu, high = (pair >> 4) & 0x0F0F0F0Fu;
      for (int d = 0; d < kDigits; ++d) {
        const std::int8_t* const at = digits + d * x.depth + u * 4;
        sums[c][d] = Codes::multiply_add(VU32{} + load<std::uint32_t>(at), low, sums[c][d]);
        sums[c][d] = Codes::multiply_add(VU32{} + load<std::uint32_t>(at + 4), high, sums[c][d]);
      }
    }
  }
  const std::int32_t* digit_sums = x.sums + row * kDigits * x.groups + group;
  for (int c = 0; c < kColVectors; ++c)
    total[c] = F32::multiply_add(whole_of(sums[c], digit_sums, x.groups, offset_of(4)),
                                 scales_at(data, 4, c * kWidth<Codes>), total[c]);
}

// multiply_sliver for one row and 4 bits, before the row's scale.
template <int kDigits>
void multiply_row(const DigitRows& x, std::int64_t row, const SliverOfCodes& sliver, const char* data, float* to) {
  VF32 total[kColVectors] = {};
  for (std::int64_t g = 0; g < sliver.groups; ++g, data += sliver.group_bytes())
    multiply_four_bits<kDigits>(x, row, g, sliver.units, data, total);
  for (int c = 0; c < kColVectors; ++c) store(to + c * kWidth<Codes>, total[c]);
}

constexpr std::int64_t kRowByRow = 2;  // so few rows of 4 bits are multiplied one after the other

// Rows [row, row + rows), at most kFewRows, times one sliver, columns [col, col + cols): finish(Piece<float>).
template <int kDigits, class Finish>
void multiply_sliver(const DigitRows& x, std::int64_t row, std::int64_t rows, const SliverOfCodes& sliver,
                     const char* data, std::int64_t col, std::int64_t cols, Finish& finish) {
  alignas(64) float sums[kFewRows * kCodeCols];
  alignas(64) std::uint32_t unpacked[kernels::kFourBitGroup / 4 * kCodeCols];
  const bool row_by_row = sliver.bits == 4 && rows <= kRowByRow;
  for (std::int64_t r = 0; r < rows && row_by_row; ++r)
    multiply_row<kDigits>(x, row + r, sliver, data, sums + r * kCodeCols);
  for (std::int64_t g = 0; g < sliver.groups && !row_by_row; ++g, data += sliver.group_bytes()) {
    const char* const codes = data + sliver.scale_bytes();
    if (sliver.bits == 4) unpack_group(codes, sliver.units, unpacked);
    multiply_group<kDigits>(x, row, rows, sliver, g,
                            sliver.bits == 4 ? unpacked : reinterpret_cast<const std::uint32_t*>(codes), data, sums);
  }
  for (std::int64_t i = 0; i < rows; i += kRows) {
    const std::int64_t count = smaller(kRows, rows - i);
    for (std::int64_t r = i; r < i + count; ++r) {
      for (std::int64_t c = 0; c < kCodeCols; c += kWidth<Codes>)
        store(sums + r * kCodeCols + c, load<VF32>(sums + r * kCodeCols + c) * x.scales[row + r]);
    }
    finish(Piece<float>{sums + i * kCodeCols, kCodeCols, row + i, count, col, cols});
  }
}

}  // namespace wudao::WUDAO_ISA::gemm
