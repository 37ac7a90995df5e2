// Vectors of one instruction set for the plain kernels. `Kind` says what is multiplied and how:
//   F32, F64:  one element per step of K
//   Dot:       two bfloat16 per step (a "unit" of 32 bits), summed in float32 by a dot product instruction
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define WUDAO_INLINE_ALWAYS __attribute__((always_inline)) inline

namespace wudao::WUDAO_ISA::gemm {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kColVectors = 4;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32, kColVectors = 2;
#elif defined(__aarch64__)
constexpr int kVectorBytes = 16, kColVectors = 4;
#else
constexpr int kVectorBytes = 16, kColVectors = 2;
#endif
constexpr int kRows = 6;  // of a register tile

typedef float VF32 __attribute__((vector_size(kVectorBytes)));
typedef std::int32_t VI32 __attribute__((vector_size(kVectorBytes)));
typedef double VF64 __attribute__((vector_size(kVectorBytes)));
typedef std::uint32_t VU32 __attribute__((vector_size(kVectorBytes)));
typedef std::uint16_t VU16 __attribute__((vector_size(kVectorBytes / 2)));

// A value at any address, of any type beneath.
template <class T>
struct __attribute__((packed, may_alias)) Unaligned {
  T value;
};

template <class T>
WUDAO_INLINE_ALWAYS T load(const void* from) {
  return static_cast<const Unaligned<T>*>(from)->value;
}

template <class T>
WUDAO_INLINE_ALWAYS void store(void* to, T value) {
  static_cast<Unaligned<T>*>(to)->value = value;
}

struct F32 {
  using Unit = float;
  using Sum = float;
  using Vector = VF32;
  using UnitVector = VF32;
  static constexpr int kDepth = 1;  // elements of K per unit
  static WUDAO_INLINE_ALWAYS VF32 multiply_add(VF32 a, VF32 b, VF32 c) {
#if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__)
    return _mm256_fmadd_ps(a, b, c);
#elif defined(__aarch64__)
    return vfmaq_f32(c, a, b);
#else
    return a * b + c;
#endif
  }
};

struct F64 {
  using Unit = double;
  using Sum = double;
  using Vector = VF64;
  using UnitVector = VF64;
  static constexpr int kDepth = 1;
  static WUDAO_INLINE_ALWAYS VF64 multiply_add(VF64 a, VF64 b, VF64 c) {
#if defined(__AVX512F__)
    return _mm512_fmadd_pd(a, b, c);
#elif defined(__AVX2__)
    return _mm256_fmadd_pd(a, b, c);
#elif defined(__aarch64__)
    return vfmaq_f64(c, a, b);
#else
    return a * b + c;
#endif
  }
};

#if defined(__AVX512BF16__)
struct Dot {
  using Unit = std::uint32_t;
  using Sum = float;
  using Vector = VF32;
  using UnitVector = VU32;
  static constexpr int kDepth = 2;
  static WUDAO_INLINE_ALWAYS VF32 multiply_add(VU32 a, VU32 b, VF32 c) {
    return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b);
  }
};
using Bf16 = Dot;
using KeptBf16 = Dot;
#else
using Bf16 = F32;  // widened

// float32, whose B is kept as bfloat16: half the memory to read where few rows pass over it.
struct KeptBf16 : F32 {};
#endif

// Four codes of a weight, unsigned, times four digits of an activation, signed; the sums are exact.
struct Codes {
  using Unit = std::uint32_t;
  using Sum = std::int32_t;
  using Vector = VI32;
  using UnitVector = VU32;
  static constexpr int kDepth = 4;
  static WUDAO_INLINE_ALWAYS VI32 multiply_add(VU32 digits, VU32 codes, VI32 c) {
#if defined(__AVX512VNNI__)
    return (VI32)_mm512_dpbusd_epi32((__m512i)c, (__m512i)codes, (__m512i)digits);
#elif defined(__x86_64__)
    typedef std::int16_t VI16 __attribute__((vector_size(kVectorBytes)));
    const VU32 even = codes & 0x00FF00FFu, odd = (codes >> 8) & 0x00FF00FFu;
    const VI16 low = (VI16)(digits << 8) >> 8, high = (VI16)digits >> 8;
    return c + multiply_pairs(even, (VU32)low) + multiply_pairs(odd, (VU32)high);
#else
    for (int b = 0; b < 4; ++b) c += (VI32)((codes >> (8 * b)) & 0xFFu) * ((VI32)(digits << (24 - 8 * b)) >> 24);
    return c;
#endif
  }

 private:
#if defined(__AVX512F__)
  static WUDAO_INLINE_ALWAYS VI32 multiply_pairs(VU32 a, VU32 b) {
    return (VI32)_mm512_madd_epi16((__m512i)a, (__m512i)b);
  }
#elif defined(__AVX2__)
  static WUDAO_INLINE_ALWAYS VI32 multiply_pairs(VU32 a, VU32 b) {
    return (VI32)_mm256_madd_epi16((__m256i)a, (__m256i)b);
  }
#elif defined(__x86_64__)
  static WUDAO_INLINE_ALWAYS VI32 multiply_pairs(VU32 a, VU32 b) {
    return (VI32)_mm_madd_epi16((__m128i)a, (__m128i)b);
  }
#endif
};

// Words of 32 bits that are only moved.
struct Words {
  using Unit = std::uint32_t;
  using UnitVector = VU32;
  static constexpr int kDepth = 1;
};

// The same with halves of words, as many as there are words in a vector.
struct Halves {
  using Unit = std::uint16_t;
  using UnitVector = VU16;
  static constexpr int kDepth = 1;
};

template <class Kind>
constexpr int kWidth = static_cast<int>(sizeof(typename Kind::UnitVector) / sizeof(typename Kind::Unit));
template <class Kind>
constexpr int kSliver = kColVectors * kWidth<Kind>;  // columns of B that are multiplied together
template <class Kind>
constexpr int kRowSliver = 6 * kWidth<Kind>;  // rows of A that are packed together, a multiple of kRows

constexpr std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
constexpr std::int64_t rounded_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

}  // namespace wudao::WUDAO_ISA::gemm
