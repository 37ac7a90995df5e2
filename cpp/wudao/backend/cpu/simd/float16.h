// float16: a sign, 5 exponent bits, 10 fraction bits. By instruction where the level has one, by integers elsewhere; both
// give the same bits.
#pragma once

#include "wudao/backend/cpu/simd/native.h"

namespace wudao::WUDAO_ISA {

// Subnormal values come out right because they are made by a subtraction of normal ones.
template <int n>
WUDAO_INLINE Vector<float, n> widen_half_by_integers(Vector<std::uint16_t, n> half) {
  using Bits = Vector<std::uint32_t, n>;
  const Bits bits = __builtin_convertvector(half, Bits), sign = (bits & 0x8000u) << 16, rest = (bits & 0x7FFFu) << 13;
  const Bits exponent = rest & 0x0F800000u, normal = rest + 0x38000000u;  // 127 - 15 more
  const Bits tiny = bits_as<Bits>(bits_as<Vector<float, n>>(rest + 0x38800000u) - 0x1p-14f);
  const Bits special = (rest + 0x70000000u) | ((rest & 0x007FFFFFu) != 0 ? Bits{} + 0x00400000u : Bits{});
  return bits_as<Vector<float, n>>((exponent == 0 ? tiny : exponent == 0x0F800000u ? special : normal) | sign);
}

// To nearest, ties to even; from 65520 on infinity; subnormal values are kept; a NaN stays one (quiet, its upper bits
// kept).
template <int n>
WUDAO_INLINE Vector<std::uint16_t, n> narrow_half_by_integers(Vector<float, n> x) {
  using Bits = Vector<std::uint32_t, n>;
  const Bits all = bits_as<Bits>(x), sign = (all >> 16) & 0x8000u, bits = all & 0x7FFFFFFFu;
  const Bits normal = (bits - 0x38000000u + 0x0FFFu + ((bits >> 13) & 1u)) >> 13;
  // Adding 0.5 leaves the multiples of 2^-24 in the lowest bits of the sum, rounded as the processor rounds.
  const Bits tiny = bits_as<Bits>(bits_as<Vector<float, n>>(bits) + 0.5f) - 0x3F000000u;
  const Bits special = bits > 0x7F800000u ? 0x7E00u | ((bits >> 13) & 0x03FFu) : Bits{} + 0x7C00u;
  const Bits half = bits < 0x38800000u ? tiny : bits >= 0x477FF000u ? special : normal;
  return __builtin_convertvector(half | sign, Vector<std::uint16_t, n>);
}

template <int n>
WUDAO_INLINE Vector<float, n> widen_half(Vector<std::uint16_t, n> half) {
#if defined(__AVX512F__)
  if constexpr (n == 16)
    return bits_as<Vector<float, n>>(_mm512_maskz_cvtph_ps(0xffff, bits_as<__m256i>(half)));
#endif
#if defined(__F16C__)
  if constexpr (n == 8) return bits_as<Vector<float, n>>(_mm256_cvtph_ps(bits_as<__m128i>(half)));
#endif
  return widen_half_by_integers<n>(half);
}

template <int n>
WUDAO_INLINE Vector<std::uint16_t, n> narrow_half(Vector<float, n> x) {
#if defined(__AVX512F__)
  if constexpr (n == 16)
    return bits_as<Vector<std::uint16_t, n>>(_mm512_maskz_cvtps_ph(0xffff, bits_as<__m512>(x), _MM_FROUND_TO_NEAREST_INT));
#endif
#if defined(__F16C__)
  if constexpr (n == 8)
    return bits_as<Vector<std::uint16_t, n>>(_mm256_cvtps_ph(bits_as<__m256>(x), _MM_FROUND_TO_NEAREST_INT));
#endif
  return narrow_half_by_integers<n>(x);
}

}  // namespace wudao::WUDAO_ISA
