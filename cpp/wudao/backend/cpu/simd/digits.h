// Rounding a row of activations to integers of one or two signed digits (kernels/quantized.h).
#pragma once

#include "wudao/backend/cpu/simd/reduce.h"
#include "wudao/backend/cpu/simd/vec.h"

namespace wudao::WUDAO_ISA {

using Integers = Vector<std::int32_t, Vec<float>::kWidth>;

// The nearest integer, ties to even; |x| below 2^22.
WUDAO_INLINE Integers nearest(Vec<float> x) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: the fraction bits of x + kShift are the integer
  return bits_as<Integers>((x + kShift).v) - 0x4B400000;
}

WUDAO_INLINE Vec<float> magnitude(Vec<float> x) {
  return {bits_as<Vec<float>::Native>(bits_as<Integers>(x.v) & 0x7FFFFFFF)};
}

WUDAO_INLINE void store_digit(Integers digit, std::int8_t* to, All) {
  store_raw<std::int8_t, Vec<float>::kWidth>(
      to, __builtin_convertvector(digit, Vector<std::int8_t, Vec<float>::kWidth>), All{});
}

WUDAO_INLINE void store_digit(Integers digit, std::int8_t* to, First lanes) {
  for (int i = 0; i < lanes.count; ++i) to[i] = static_cast<std::int8_t>(digit[i]);
}

WUDAO_INLINE std::int32_t sum_of(Integers x) {
  std::int32_t total = 0;
  for (int i = 0; i < Vec<float>::kWidth; ++i) total += x[i];
  return total;
}

constexpr float kSmallestScaled = 1e-33f;  // what is smaller counts as zero: the inverse of its scale may overflow

// The largest magnitude of a row, and NaN if any of it is not finite, otherwise 0.
struct Magnitude {
  float largest, not_finite;
};

template <class S>
WUDAO_INLINE Magnitude magnitude_of(const S* x, std::int64_t size) {
  Vec<float> most = Vec<float>::splat(0), wrong = most;
  for_vectors<Vec<float>::kWidth>(0, size, [&](std::int64_t i, auto lanes) {
    const Vec<float> value = Vec<float>::load(x + i, lanes);
    most = larger_of(magnitude(value), most);
    wrong = wrong + value * 0.0f;
  });
  return {maximum(most), sum(wrong)};
}

// Writes the digits of x, one line of `size` per digit, the upper first, and for each digit the sums of its groups.
// Returns the scale; a row that is not finite gives NaN, and zeros.
template <int kDigits, class S>
float to_digits(const S* x, std::int64_t size, std::int64_t groups, std::int8_t* digits, std::int32_t* sums) {
  constexpr float kLargest = kDigits == 1 ? 127.0f : 127.0f * 257.0f;
  const auto [largest, not_finite] = magnitude_of(x, size);
  if (not_finite != 0) {  // NaN, which no integer stands for
    __builtin_memset(digits, 0, static_cast<std::size_t>(kDigits * size));
    __builtin_memset(sums, 0, static_cast<std::size_t>(kDigits * groups) * sizeof *sums);
    return not_finite;
  }
  const float inverse = largest > kSmallestScaled ? kLargest / largest : 0.0f;
  const std::int64_t group = size / groups;
  for (std::int64_t g = 0; g < groups; ++g) {
    Integers upper{}, lower{};
    for_vectors<Vec<float>::kWidth>(g * group, (g + 1) * group, [&](std::int64_t i, auto lanes) {
      const Integers q = nearest(rounded(Vec<float>::load(x + i, lanes) * inverse));
      const Integers high = kDigits == 1 ? q : (q + 128) >> 8;
      store_digit(high, digits + i, lanes);
      upper += high;
      if constexpr (kDigits == 2) {
        store_digit(q - (high << 8), digits + size + i, lanes);
        lower += q - (high << 8);
      }
    });
    sums[g] = sum_of(upper);
    if constexpr (kDigits == 2) sums[groups + g] = sum_of(lower);
  }
  return largest * (1.0f / kLargest);
}

}  // namespace wudao::WUDAO_ISA
