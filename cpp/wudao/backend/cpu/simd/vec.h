// Vectors of the level's width, and moving them to and from memory.
//
// Vec<T> holds lanes of the type of arithmetic, float or double; memory may hold float, double, bfloat16 or float16. A loop
// treats its tail with the same instructions as its body (Lanes), so what happens to an element does not depend on
// where in a vector it falls.
#pragma once

#include "wudao/backend/cpu/simd/bfloat16.h"
#include "wudao/backend/cpu/simd/float16.h"
#include "wudao/backend/cpu/simd/native.h"
#include "wudao/base/dtype.h"

namespace wudao::WUDAO_ISA {

// Loads n values of a storage type as values of the type of arithmetic, and stores them.
template <class T, int n, class S, class L>
  requires(sizeof(S) >= 4 && sizeof(S) <= sizeof(T))
WUDAO_INLINE Vector<T, n> load_as(const S* p, L lanes) {
  return __builtin_convertvector((load_raw<S, n>(p, lanes)), Vector<T, n>);
}

template <class T, int n, class L>
WUDAO_INLINE Vector<T, n> load_as(const BFloat16* p, L lanes) {
  return __builtin_convertvector(widen<n>(load_raw<std::uint16_t, n>(&p->bits, lanes)), Vector<T, n>);
}

template <class T, int n, class L>
WUDAO_INLINE Vector<T, n> load_as(const Float16* p, L lanes) {
  return __builtin_convertvector(widen_half<n>(load_raw<std::uint16_t, n>(&p->bits, lanes)), Vector<T, n>);
}

template <class T, int n, class S, class L>
  requires(sizeof(S) >= 4 && sizeof(S) <= sizeof(T))
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

template <class T, int n, class L>
WUDAO_INLINE void store_as(Float16* p, Vector<T, n> v, L lanes) {
  if constexpr (sizeof(T) == 8) {
    store_raw<std::uint16_t, n>(&p->bits, narrow_half<n>(narrow_to_odd<n>(v)), lanes);
  } else {
    store_raw<std::uint16_t, n>(&p->bits, narrow_half<n>(v), lanes);
  }
}

template <class T>
struct Vec {
  static constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));
  using Native = Vector<T, kWidth>;
  using Mask = decltype(Native{} < Native{});  // integers: -1 where true

  Native v;

  static WUDAO_INLINE Vec splat(T x) { return {x - Native{}}; }  // x - 0 keeps the sign of zero

  // From T or a smaller type; lanes that are not loaded are zero.
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

#define WUDAO_OPERATOR(op)                                                   \
  friend WUDAO_INLINE Vec operator op(Vec a, Vec b) { return {a.v op b.v}; } \
  friend WUDAO_INLINE Vec operator op(Vec a, T b) { return a op splat(b); }  \
  friend WUDAO_INLINE Vec operator op(T a, Vec b) { return splat(a) op b; }  \
  WUDAO_INLINE Vec& operator op## = (Vec b) { return *this = *this op b; }
  WUDAO_OPERATOR(+)
  WUDAO_OPERATOR(-)
  WUDAO_OPERATOR(*)
  WUDAO_OPERATOR(/)
#undef WUDAO_OPERATOR

#define WUDAO_COMPARISON(op)                                                \
  friend WUDAO_INLINE Mask operator op(Vec a, Vec b) { return a.v op b.v; } \
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

// The larger or smaller lane; b where one of them is NaN.
template <class T>
WUDAO_INLINE Vec<T> larger_of(Vec<T> a, Vec<T> b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return {_mm512_maskz_max_ps(0xffff, a.v, b.v)};
#endif
  return select(a > b, a, b);
}

template <class T>
WUDAO_INLINE Vec<T> smaller_of(Vec<T> a, Vec<T> b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return {_mm512_maskz_min_ps(0xffff, a.v, b.v)};
#endif
  return select(a < b, a, b);
}

// x in the lanes that lie in memory, `other` in the rest.
template <class T>
WUDAO_INLINE Vec<T> only(All, Vec<T> x, T) {
  return x;
}

template <class T>
WUDAO_INLINE Vec<T> only(First lanes, Vec<T> x, T other) {
  typename Vec<T>::Mask number{};
  for (int i = 0; i < Vec<T>::kWidth; ++i) number[i] = i;
  return select(number < lanes.count, x, Vec<T>::splat(other));
}

// x as it is, but rounded: a product in it is not fused with what follows.
template <class T>
WUDAO_INLINE Vec<T> rounded(Vec<T> x) {
#if defined(__x86_64__)
  asm("" : "+x"(x.v));
#else
  asm("" : "+w"(x.v));
#endif
  return x;
}

WUDAO_INLINE Vec<float> sqrt(Vec<float> x) {
#if defined(__AVX512F__)
  return {_mm512_maskz_sqrt_ps(0xffff, x.v)};
#elif defined(__AVX2__)
  return {_mm256_sqrt_ps(x.v)};
#else
  for (int i = 0; i < Vec<float>::kWidth; ++i) x.v[i] = __builtin_sqrtf(x.v[i]);
  return x;
#endif
}

WUDAO_INLINE Vec<double> sqrt(Vec<double> x) {
#if defined(__AVX512F__)
  return {_mm512_maskz_sqrt_pd(0xff, x.v)};
#elif defined(__AVX2__)
  return {_mm256_sqrt_pd(x.v)};
#else
  for (int i = 0; i < Vec<double>::kWidth; ++i) x.v[i] = __builtin_sqrt(x.v[i]);
  return x;
#endif
}

}  // namespace wudao::WUDAO_ISA
