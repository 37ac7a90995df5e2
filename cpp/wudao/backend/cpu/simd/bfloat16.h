// bfloat16 is the upper half of a float.
#pragma once

#include "wudao/backend/cpu/simd/native.h"

namespace wudao::WUDAO_ISA {

#if defined(__AVX512F__)
// The compiler by itself would go through two halves. The form with a mask is taken everywhere because the plain ones
// make g++ 12 warn of its own header.
WUDAO_INLINE Vector<float, 16> widen_by_instruction(Vector<std::uint16_t, 16> bits) {
  const auto wide = bits_as<Vector<std::uint32_t, 16>>(_mm512_maskz_cvtepu16_epi32(0xffff, bits_as<__m256i>(bits)));
  return bits_as<Vector<float, 16>>(wide << 16);
}
#endif

template <int n>
WUDAO_INLINE Vector<float, n> widen(Vector<std::uint16_t, n> bits) {
#if defined(__AVX512F__)
  if constexpr (n == 16) return widen_by_instruction(bits);
#endif
  return bits_as<Vector<float, n>>(__builtin_convertvector(bits, Vector<std::uint32_t, n>) << 16);
}

// To nearest, ties to even; subnormal values are kept; a NaN stays one (quiet, its upper bits kept).
template <int n>
WUDAO_INLINE Vector<std::uint16_t, n> narrow_by_integers(Vector<float, n> x) {
  const auto bits = bits_as<Vector<std::uint32_t, n>>(x);
  const auto rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const auto quiet = (bits >> 16) | 0x40;
  return __builtin_convertvector(x == x ? rounded : quiet, Vector<std::uint16_t, n>);
}

#if defined(__AVX512BF16__)
// The instruction takes subnormal values for zero; they are rare enough to be worth a branch.
WUDAO_INLINE Vector<std::uint16_t, 16> narrow_by_instruction(Vector<float, 16> x) {
  constexpr int kSubnormal = 0x20;
  if (_mm512_fpclass_ps_mask(x, kSubnormal) != 0) return narrow_by_integers<16>(x);
  return bits_as<Vector<std::uint16_t, 16>>(_mm512_cvtneps_pbh(x));
}
#endif

template <int n>
WUDAO_INLINE Vector<std::uint16_t, n> narrow(Vector<float, n> x) {
#if defined(__AVX512BF16__)
  if constexpr (n == 16) return narrow_by_instruction(x);
#endif
  return narrow_by_integers<n>(x);
}

// To float by rounding to odd: what is rounded a second time afterwards comes out as if it had been rounded once.
template <int n>
WUDAO_INLINE Vector<float, n> narrow_to_odd(Vector<double, n> x) {
  using Integer = Vector<std::int32_t, n>;
  const auto nearest = __builtin_convertvector(x, Vector<float, n>);
  const auto back = __builtin_convertvector(nearest, Vector<double, n>);
  const auto beyond = __builtin_convertvector(x < 0 ? back < x : back > x, Integer);  // -1 where rounded away from zero
  const auto inexact = __builtin_convertvector(back != x, Integer);
  return bits_as<Vector<float, n>>((bits_as<Integer>(nearest) + beyond) | (inexact & 1));
}

}  // namespace wudao::WUDAO_ISA
