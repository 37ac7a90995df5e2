// How elements in memory become units of a kind: as they are, widened, or rounded to bfloat16 or float16.
// A source offers: `Element`, `unit` (one unit from the k-th element on), `across` (a vector of units of neighbouring
// columns) and `along` (a vector of consecutive units of one column, whose elements lie one after the other).
#pragma once

#include "wudao/backend/cpu/gemm/plain/simd.h"
#include "wudao/backend/cpu/simd/float16.h"

namespace wudao::WUDAO_ISA::gemm {

constexpr int kLanes32 = kVectorBytes / 4;

// The bits of float32 rounded to bfloat16 (nearest, ties to even; a NaN stays one), lower half cleared.
template <class Bits, class Mask>
WUDAO_INLINE_ALWAYS Bits rounded_bits(Bits bits, Mask is_nan) {
  const Bits rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
  return (is_nan ? (bits | 0x00400000u) : rounded) & 0xFFFF0000u;
}

WUDAO_INLINE_ALWAYS VU32 rounded(VF32 x) { return rounded_bits((VU32)x, x != x); }

WUDAO_INLINE_ALWAYS std::uint32_t rounded(float x) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  return rounded_bits(bits, x != x);
}

WUDAO_INLINE_ALWAYS VU32 widened(const std::uint16_t* from) {
#if defined(__AVX512F__)  // g++ 12 by itself goes through two halves
  return (VU32)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)load<VU16>(from));
#else
  return __builtin_convertvector(load<VU16>(from), VU32);
#endif
}

WUDAO_INLINE_ALWAYS float as_float(std::uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, 4);
  return x;
}

template <class Kind>
struct AsIs {
  using Element = typename Kind::Unit;
  using Vector = typename Kind::UnitVector;
  static WUDAO_INLINE_ALWAYS Element unit(const Element* x, std::int64_t, bool) { return *x; }
  static WUDAO_INLINE_ALWAYS Vector across(const Element* x, std::int64_t) { return load<Vector>(x); }
  static WUDAO_INLINE_ALWAYS Vector along(const Element* x) { return load<Vector>(x); }
};

// float32 from bfloat16.
struct Widened {
  using Element = std::uint16_t;
  static WUDAO_INLINE_ALWAYS float unit(const Element* x, std::int64_t, bool) {
    return as_float(std::uint32_t{*x} << 16);
  }
  static WUDAO_INLINE_ALWAYS VF32 across(const Element* x, std::int64_t) { return (VF32)(widened(x) << 16); }
  static WUDAO_INLINE_ALWAYS VF32 along(const Element* x) { return across(x, 0); }
};

// float32 from float16.
struct WidenedHalf {
  using Element = std::uint16_t;
  static WUDAO_INLINE_ALWAYS float unit(const Element* x, std::int64_t, bool) {
    return widen_half<kLanes32>(VU16{*x})[0];
  }
  static WUDAO_INLINE_ALWAYS VF32 across(const Element* x, std::int64_t) { return widen_half<kLanes32>(load<VU16>(x)); }
  static WUDAO_INLINE_ALWAYS VF32 along(const Element* x) { return across(x, 0); }
};

// float32 rounded to the values of float16.
struct RoundedToHalf {
  using Element = float;
  static WUDAO_INLINE_ALWAYS VF32 rounded_to_half(VF32 x) {
    return widen_half<kLanes32>(narrow_half<kLanes32>(x));
  }
  static WUDAO_INLINE_ALWAYS float unit(const Element* x, std::int64_t, bool) { return rounded_to_half(VF32{*x})[0]; }
  static WUDAO_INLINE_ALWAYS VF32 across(const Element* x, std::int64_t) { return rounded_to_half(load<VF32>(x)); }
  static WUDAO_INLINE_ALWAYS VF32 along(const Element* x) { return across(x, 0); }
};

#if defined(__AVX512BF16__)
typedef std::uint16_t VU16x2 __attribute__((vector_size(kVectorBytes)));

// Pairs of bfloat16: the lower half is the even k.
struct Pairs {
  using Element = std::uint16_t;
  static WUDAO_INLINE_ALWAYS std::uint32_t unit(const Element* x, std::int64_t step, bool whole) {
    return *x | (whole ? std::uint32_t{x[step]} << 16 : 0u);
  }
  static WUDAO_INLINE_ALWAYS VU32 across(const Element* x, std::int64_t step) {
    return widened(x) | (widened(x + step) << 16);
  }
  static WUDAO_INLINE_ALWAYS VU32 along(const Element* x) { return load<VU32>(x); }
  // Two vectors of units of neighbouring columns.
  static WUDAO_INLINE_ALWAYS void across_two(const Element* x, std::int64_t step, std::uint32_t* to) {
    constexpr VU16x2 low = {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
                            8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
    const VU16x2 even = load<VU16x2>(x), odd = load<VU16x2>(x + step);
    store(to, __builtin_shuffle(even, odd, low));
    store(to + kLanes32, __builtin_shuffle(even, odd, low + std::uint16_t{16}));
  }
};

struct RoundedPairs {
  using Element = float;
  static WUDAO_INLINE_ALWAYS std::uint32_t unit(const Element* x, std::int64_t step, bool whole) {
    return rounded(*x) >> 16 | (whole ? rounded(x[step]) : 0u);
  }
  static WUDAO_INLINE_ALWAYS VU32 across(const Element* x, std::int64_t step) {
    return (rounded(load<VF32>(x)) >> 16) | rounded(load<VF32>(x + step));
  }
  static WUDAO_INLINE_ALWAYS VU32 along(const Element* x) {
    constexpr VU32 even = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
    const VU32 low = rounded(load<VF32>(x)), high = rounded(load<VF32>(x + kLanes32));
    return (__builtin_shuffle(low, high, even) >> 16) | __builtin_shuffle(low, high, even + 1u);
  }
};
using FromBf16 = Pairs;
using FromFloatRounded = RoundedPairs;
using KeptUnits = Dot;
#else
// bfloat16 from float32.
struct RoundedHalves {
  using Element = float;
  static WUDAO_INLINE_ALWAYS std::uint16_t unit(const Element* x, std::int64_t, bool) {
    return static_cast<std::uint16_t>(rounded(*x) >> 16);
  }
  static WUDAO_INLINE_ALWAYS VU16 across(const Element* x, std::int64_t) {
    return __builtin_convertvector(rounded(load<VF32>(x)) >> 16, VU16);
  }
  static WUDAO_INLINE_ALWAYS VU16 along(const Element* x) { return across(x, 0); }
};
using FromBf16 = Widened;
using FromFloatRounded = RoundedHalves;
using KeptUnits = Halves;
#endif

// A unit of B as it lies in memory, and a vector of them as the register tile multiplies it.
template <class Kind>
struct Second {
  using Unit = typename Kind::Unit;
  static WUDAO_INLINE_ALWAYS typename Kind::UnitVector vector(const Unit* from) {
    return load<typename Kind::UnitVector>(from);
  }
};

#if !defined(__AVX512BF16__)
template <>
struct Second<KeptBf16> {
  using Unit = std::uint16_t;
  static WUDAO_INLINE_ALWAYS VF32 vector(const Unit* from) { return Widened::across(from, 0); }
};
#endif

}  // namespace wudao::WUDAO_ISA::gemm
