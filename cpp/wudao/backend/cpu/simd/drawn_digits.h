// Rounding a row to 8 bits at random: up with the probability of what a code cannot hold, so that codes are right on
// average, also where a row is small beside its largest element.
#pragma once

#include "wudao/backend/cpu/simd/digits.h"
#include "wudao/backend/cpu/simd/random.h"

namespace wudao::WUDAO_ISA {

// A group of 64 elements takes 16 random words: element 16 b + l of it byte b of word l.
constexpr std::int64_t kDrawnGroup = 64, kDrawnWords = 16;

constexpr std::uint64_t drawn_blocks(std::int64_t size) {
  return static_cast<std::uint64_t>((size + kDrawnGroup - 1) / kDrawnGroup * kDrawnWords / 4);
}

// Writes the codes of x and their sum; row `row` of a stream takes its blocks one after the other. Returns the scale,
// and NaN and zeros as to_digits does.
template <class S>
float draw_digits(const S* x, std::int64_t size, const philox::Key& key, std::uint64_t row, std::int8_t* codes,
                  std::int32_t* sum) {
  constexpr std::int64_t kPiece = 4 * kDrawnGroup, kPieceWords = 4 * kDrawnWords;
  constexpr int kLanes = Vec<float>::kWidth;
  const auto [largest, not_finite] = magnitude_of(x, size);
  if (not_finite != 0) {
    __builtin_memset(codes, 0, static_cast<std::size_t>(size));
    *sum = 0;
    return not_finite;
  }
  const Vec<float> inverse = Vec<float>::splat(largest > kSmallestScaled ? 127.0f / largest : 0.0f);
  alignas(64) std::int32_t words[kPieceWords];
  Integers total{};
  for (std::int64_t at = 0; at < size; at += kPiece) {
    const std::uint64_t first =
        row * drawn_blocks(size) + static_cast<std::uint64_t>(at / kDrawnGroup * kDrawnWords / 4);
    for (std::int64_t w = 0; w < kPieceWords && w / kDrawnWords * kDrawnGroup < size - at; w += kRandomWords)
      random_words(key, first + static_cast<std::uint64_t>(w / 4), reinterpret_cast<std::uint32_t*>(words) + w);
    const std::int64_t end = size - at < kPiece ? size : at + kPiece;
    for_vectors<kLanes>(at, end, [&](std::int64_t i, auto lanes) {
      const std::int64_t in_group = (i - at) % kDrawnGroup;
      Integers drawn;
      __builtin_memcpy(&drawn, words + (i - at) / kDrawnGroup * kDrawnWords + in_group % kDrawnWords, sizeof drawn);
      drawn = (drawn >> static_cast<int>(in_group / kDrawnWords * 8)) & 0xFF;
      const Vec<float> part = {__builtin_convertvector(2 * drawn - 255, Vec<float>::Native) * (1.0f / 512)};
      const Vec<float> value = rounded(Vec<float>::load(x + i, lanes) * inverse);
      const Integers code = nearest(rounded(only(lanes, value + part, 0.0f)));
      store_digit(code, codes + i, lanes);
      total += code;
    });
  }
  *sum = sum_of(total);
  return largest * (1.0f / 127.0f);
}

}  // namespace wudao::WUDAO_ISA
