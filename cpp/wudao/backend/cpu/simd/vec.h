// Vectors of the level's width, and moving them to and from memory.
//
// Vec<T> holds lanes of the type of arithmetic, float or double; memory may hold float, double or bfloat16. A loop treats
// its tail with the same instructions as its body (Lanes), so what happens to an element does not depend on where in a
// vector it falls.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"
#include "wudao/base/philox.h"

#if WUDAO_ISA_LEVEL <= 3
#include <immintrin.h>
#endif

namespace wudao::WUDAO_ISA {

#if WUDAO_ISA_LEVEL == 2 || WUDAO_ISA_LEVEL == 3
inline constexpr int kVectorBytes = 64;
#elif WUDAO_ISA_LEVEL == 1
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
#if WUDAO_ISA_LEVEL == 2 || WUDAO_ISA_LEVEL == 3
  const unsigned mask = (1u << lanes.count) - 1;
  if constexpr (sizeof(E) == 4 && n == 16) return bits_as<Vector<E, n>>(_mm512_maskz_loadu_epi32(static_cast<__mmask16>(mask), p));
  if constexpr (sizeof(E) == 8 && n == 8) return bits_as<Vector<E, n>>(_mm512_maskz_loadu_epi64(static_cast<__mmask8>(mask), p));
  if constexpr (sizeof(E) == 2 && n == 16) return bits_as<Vector<E, n>>(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask), p));
#endif
  E values[n] = {};
  for (int i = 0; i < lanes.count; ++i) values[i] = p[i];
  return load_raw<E, n>(values, All{});
}

template <class E, int n>
WUDAO_INLINE void store_raw(E* p, Vector<E, n> v, First lanes) {
#if WUDAO_ISA_LEVEL == 2 || WUDAO_ISA_LEVEL == 3
  const unsigned mask = (1u << lanes.count) - 1;
  if constexpr (sizeof(E) == 4 && n == 16) return _mm512_mask_storeu_epi32(p, static_cast<__mmask16>(mask), bits_as<__m512i>(v));
  if constexpr (sizeof(E) == 8 && n == 8) return _mm512_mask_storeu_epi64(p, static_cast<__mmask8>(mask), bits_as<__m512i>(v));
  if constexpr (sizeof(E) == 2 && n == 16) return _mm256_mask_storeu_epi16(p, static_cast<__mmask16>(mask), bits_as<__m256i>(v));
#endif
  for (int i = 0; i < lanes.count; ++i) p[i] = v[i];
}

// bfloat16 is the upper half of a float.
template <int n>
WUDAO_INLINE Vector<float, n> widen(Vector<std::uint16_t, n> bits) {
#if WUDAO_ISA_LEVEL == 2 || WUDAO_ISA_LEVEL == 3
  if constexpr (n == 16) return bits_as<Vector<float, n>>(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits_as<__m256i>(bits)), 16));
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

#if WUDAO_ISA_LEVEL == 3
// The instruction takes subnormal values for zero; they are rare enough to be worth a branch.
WUDAO_INLINE Vector<std::uint16_t, 16> narrow_by_instruction(Vector<float, 16> x) {
  constexpr int kSubnormal = 0x20;
  if (_mm512_fpclass_ps_mask(x, kSubnormal) != 0) return narrow_by_integers<16>(x);
  return bits_as<Vector<std::uint16_t, 16>>(_mm512_cvtneps_pbh(x));
}
#endif

template <int n>
WUDAO_INLINE Vector<std::uint16_t, n> narrow(Vector<float, n> x) {
#if WUDAO_ISA_LEVEL == 3
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

// Loads n values of a storage type as values of the type of arithmetic, and stores them.
template <class T, int n, class S, class L>
  requires(sizeof(S) >= 4)
WUDAO_INLINE Vector<T, n> load_as(const S* p, L lanes) {
  return __builtin_convertvector((load_raw<S, n>(p, lanes)), Vector<T, n>);
}

template <class T, int n, class L>
WUDAO_INLINE Vector<T, n> load_as(const BFloat16* p, L lanes) {
  return __builtin_convertvector(widen<n>(load_raw<std::uint16_t, n>(&p->bits, lanes)), Vector<T, n>);
}

template <class T, int n, class S, class L>
  requires(sizeof(S) >= 4)
WUDAO_INLINE void store_as(S* p, Vector<T, n> v, L lanes) {
  store_raw<S, n>(p, __builtin_convertvector(v, Vector<S, n>), lanes);
}

template <class T, int n, class L>
WUDAO_INLINE void store_as(BFloat16* p, Vector<T, n> v, L lanes) {
  if constexpr (sizeof(T) == 8) {
    store_raw<std::uint16_t, n>(&p->bits, narrow_by_integers<n>(narrow_to_odd<n>(v)), lanes);
  } else {
    store_raw<std::uint16_t, n>(&p->bits, narrow<n>(v), lanes);
  }
}

template <class T>
struct Vec {
  static constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));
  using Native = Vector<T, kWidth>;
  using Mask = decltype(Native{} < Native{});  // integers: -1 where true

  Native v;

  static WUDAO_INLINE Vec splat(T x) { return {x - Native{}}; }  // x - 0 keeps the sign of zero

  // From float, double or bfloat16; lanes that are not loaded are zero.
  template <class S, class L = All>
  static WUDAO_INLINE Vec load(const S* p, L lanes = {}) {
    return {load_as<T, kWidth>(p, lanes)};
  }

  // Lanes that are not stored stay as they are in memory.
  template <class S, class L = All>
  WUDAO_INLINE void store(S* p, L lanes = {}) const {
    store_as<T, kWidth>(p, v, lanes);
  }

  WUDAO_INLINE Vec operator-() const { return {-v}; }

#define WUDAO_OPERATOR(op)                                                          \
  friend WUDAO_INLINE Vec operator op(Vec a, Vec b) { return {a.v op b.v}; }        \
  friend WUDAO_INLINE Vec operator op(Vec a, T b) { return a op splat(b); }         \
  friend WUDAO_INLINE Vec operator op(T a, Vec b) { return splat(a) op b; }         \
  WUDAO_INLINE Vec& operator op##=(Vec b) { return *this = *this op b; }
  WUDAO_OPERATOR(+)
  WUDAO_OPERATOR(-)
  WUDAO_OPERATOR(*)
  WUDAO_OPERATOR(/)
#undef WUDAO_OPERATOR

#define WUDAO_COMPARISON(op)                                                        \
  friend WUDAO_INLINE Mask operator op(Vec a, Vec b) { return a.v op b.v; }         \
  friend WUDAO_INLINE Mask operator op(Vec a, T b) { return a.v op splat(b).v; }
  WUDAO_COMPARISON(<)
  WUDAO_COMPARISON(>)
  WUDAO_COMPARISON(==)
#undef WUDAO_COMPARISON
};

// a where the mask is true, b elsewhere.
template <class T>
WUDAO_INLINE Vec<T> select(typename Vec<T>::Mask mask, Vec<T> a, Vec<T> b) {
  return {mask ? a.v : b.v};
}

// The larger lane; b where a is NaN.
template <class T>
WUDAO_INLINE Vec<T> larger_of(Vec<T> a, Vec<T> b) {
  return select(a > b, a, b);
}

// x in the lanes that lie in memory, `other` in the rest.
template <class T>
WUDAO_INLINE Vec<T> only(All, Vec<T> x, T) {
  return x;
}

template <class T>
WUDAO_INLINE Vec<T> only(First lanes, Vec<T> x, T other) {
  typename Vec<T>::Mask number;
  for (int i = 0; i < Vec<T>::kWidth; ++i) number[i] = i;
  return select(number < lanes.count, x, Vec<T>::splat(other));
}

WUDAO_INLINE Vec<float> sqrt(Vec<float> x) {
#if WUDAO_ISA_LEVEL == 2 || WUDAO_ISA_LEVEL == 3
  return {_mm512_sqrt_ps(x.v)};
#elif WUDAO_ISA_LEVEL == 1
  return {_mm256_sqrt_ps(x.v)};
#else
  for (int i = 0; i < Vec<float>::kWidth; ++i) x.v[i] = __builtin_sqrtf(x.v[i]);
  return x;
#endif
}

WUDAO_INLINE Vec<double> sqrt(Vec<double> x) {
#if WUDAO_ISA_LEVEL == 2 || WUDAO_ISA_LEVEL == 3
  return {_mm512_sqrt_pd(x.v)};
#elif WUDAO_ISA_LEVEL == 1
  return {_mm256_sqrt_pd(x.v)};
#else
  for (int i = 0; i < Vec<double>::kWidth; ++i) x.v[i] = __builtin_sqrt(x.v[i]);
  return x;
#endif
}

}  // namespace wudao::WUDAO_ISA
