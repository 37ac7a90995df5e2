// Rounding a row to 8 bits at random: up with the probability of what a code cannot hold, so that codes are right on
// average, also where a row is small beside its largest element.
#pragma once

#include "wudao/backend/cpu/simd/digits.h"
#include "wudao/backend/cpu/simd/random.h"

namespace wudao::WUDAO_ISA {

// Blocks of random words that a row takes: a byte an element.
constexpr std::uint64_t drawn_blocks(std::int64_t size) { return static_cast<std::uint64_t>((size + 15) / 16); }

// Writes the codes of x and their sum; row `row` of a stream takes the bytes of its blocks one after the other. Returns
// the scale, and NaN and zeros as to_digits does.
template <class S>
float draw_digits(const S* x, std::int64_t size, const philox::Key& key, std::uint64_t row, std::int8_t* codes,
                  std::int32_t* sum) {
  constexpr std::int64_t kBytes = kRandomWords * 4;
  constexpr int kLanes = Vec<float>::kWidth;
  const auto [largest, not_finite] = magnitude_of(x, size);
  if (not_finite != 0) {
    __builtin_memset(codes, 0, static_cast<std::size_t>(size));
    *sum = 0;
    return not_finite;
  }
  const Vec<float> inverse = Vec<float>::splat(largest > kSmallestScaled ? 127.0f / largest : 0.0f);
  alignas(64) std::uint32_t words[kRandomWords];
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(words);
  Integers total{};
  for (std::int64_t at = 0; at < size; at += kBytes) {
    random_words(key, row * drawn_blocks(size) + static_cast<std::uint64_t>(at) / 16, words);
    const std::int64_t end = size - at < kBytes ? size : at + kBytes;
    for_vectors<kLanes>(at, end, [&](std::int64_t i, auto lanes) {
      const auto drawn = __builtin_convertvector(load_raw<std::uint8_t, kLanes>(bytes + (i - at), All{}), Integers);
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
