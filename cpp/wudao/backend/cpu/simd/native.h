// GCC vectors of any length, and moving them to and from memory.
#pragma once

#include <cstdint>

#include "wudao/base/philox.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace wudao::WUDAO_ISA {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class E, int n>
struct VectorOf {
  typedef E type __attribute__((vector_size(sizeof(E) * n)));
};

// n values of type E.
template <class E, int n>
using Vector = typename VectorOf<E, n>::type;

// How many lanes of a vector lie in memory: all of them, or the first `count`.
struct All {};
struct First {
  int count;
};

// Calls f(i, lanes) for i = begin, begin + n, ... with All{} while n values are left, then with First for the rest.
template <int n, class F>
WUDAO_INLINE void for_vectors(std::int64_t begin, std::int64_t end, F&& f) {
  for (; begin + n <= end; begin += n) f(begin, All{});
  if (begin < end) f(begin, First{static_cast<int>(end - begin)});
}

// The bits of `from` as another type of the same size.
template <class To, class From>
WUDAO_INLINE To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

// Memory. Values that are not loaded read as zero; those that are not stored stay as they are.
template <class E, int n>
WUDAO_INLINE Vector<E, n> load_raw(const E* p, All) {
  Vector<E, n> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class E, int n>
WUDAO_INLINE void store_raw(E* p, Vector<E, n> v, All) {
  __builtin_memcpy(p, &v, sizeof v);
}

template <class E, int n>
WUDAO_INLINE Vector<E, n> load_raw(const E* p, First lanes) {
#if defined(__AVX512F__)
  const unsigned mask = (1u << lanes.count) - 1;
  if constexpr (sizeof(E) == 4 && n == 16)
    return bits_as<Vector<E, n>>(_mm512_maskz_loadu_epi32(static_cast<__mmask16>(mask), p));
  if constexpr (sizeof(E) == 8 && n == 8)
    return bits_as<Vector<E, n>>(_mm512_maskz_loadu_epi64(static_cast<__mmask8>(mask), p));
  if constexpr (sizeof(E) == 2 && n == 16)
    return bits_as<Vector<E, n>>(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask), p));
#endif
  E values[n] = {};
  for (int i = 0; i < lanes.count; ++i) values[i] = p[i];
  return load_raw<E, n>(values, All{});
}

template <class E, int n>
WUDAO_INLINE void store_raw(E* p, Vector<E, n> v, First lanes) {
#if defined(__AVX512F__)
  const unsigned mask = (1u << lanes.count) - 1;
  if constexpr (sizeof(E) == 4 && n == 16)
    return _mm512_mask_storeu_epi32(p, static_cast<__mmask16>(mask), bits_as<__m512i>(v));
  if constexpr (sizeof(E) == 8 && n == 8)
    return _mm512_mask_storeu_epi64(p, static_cast<__mmask8>(mask), bits_as<__m512i>(v));
  if constexpr (sizeof(E) == 2 && n == 16)
    return _mm256_mask_storeu_epi16(p, static_cast<__mmask16>(mask), bits_as<__m256i>(v));
#endif
  for (int i = 0; i < lanes.count; ++i) p[i] = v[i];
}

}  // namespace wudao::WUDAO_ISA
