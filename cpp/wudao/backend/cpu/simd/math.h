// Elementary functions on vectors. float: polynomials of our own, the same on every lane; double, which is for
// checking, asks the C library lane by lane.
#pragma once

#include "wudao/backend/cpu/simd/vec.h"

namespace wudao::WUDAO_ISA {

// x with low and high as its bounds; NaN stays.
template <class T>
WUDAO_INLINE Vec<T> clamp(Vec<T> x, T low, T high) {
  return larger_of(Vec<T>::splat(low), smaller_of(Vec<T>::splat(high), x));
}

// x * 2^n for whole n with -150 <= n <= 129, rounded once.
WUDAO_INLINE Vec<float> scale_by_power(Vec<float> x, Vec<float> n) {
#if defined(__AVX512F__)
  return {_mm512_maskz_scalef_ps(0xffff, x.v, n.v)};
#else
  using Integer = Vec<float>::Mask;
  const auto whole = __builtin_convertvector(n.v, Integer);
  const Integer half = whole >> 1;  // two steps, because 2^n itself may be out of range
  const auto power = [](Integer e) { return Vec<float>{bits_as<Vec<float>::Native>((e + 127) << 23)}; };
  return x * power(half) * power(whole - half);
#endif
}

// e^x within 1 ulp. x = n ln 2 + r, |r| <= ln(2)/2; minimax polynomial for e^r.
WUDAO_INLINE Vec<float> exp(Vec<float> x) {
  constexpr float kLog2E = 0x1.715476p+0f;
  constexpr float kLn2High = 0x1.63p-1f, kLn2Low = -0x1.bd0106p-13f;  // n * high is exact
  constexpr float kToWhole = 0x1.8p+23f;                              // adding it rounds to a whole number
  x = clamp(x, -104.0f, 89.0f);
  const Vec<float> n = (x * kLog2E + kToWhole) - kToWhole;
  const Vec<float> r = (x - n * kLn2High) - n * kLn2Low;
  Vec<float> p = Vec<float>::splat(0x1.6a2318p-10f);
  p = p * r + 0x1.123a8ep-7f;
  p = p * r + 0x1.5558f6p-5f;
  p = p * r + 0x1.555490p-3f;
  p = p * r + 0x1.fffffcp-2f;
  return scale_by_power((p * (r * r) + r) + 1.0f, n);
}

WUDAO_INLINE Vec<double> exp(Vec<double> x) {
  for (int i = 0; i < Vec<double>::kWidth; ++i) x.v[i] = __builtin_exp(x.v[i]);
  return x;
}

// The standard normal distribution at x: P(N <= x), and exp(-x^2 / 2) / sqrt(2 pi).
template <class T>
struct Normal {
  Vec<T> cdf, density;
};

// The cdf within 6 ulp, in the far left tail too: with a = |x|, P(N <= -a) = exp(-a^2 / 2) R(a), where R is a minimax
// polynomial in t = 1 / (1 + 0.3 a). What a^2 loses by rounding is put back after the exponential.
WUDAO_INLINE Normal<float> normal(Vec<float> x) {
  constexpr float kCoefficients[] = {
      0.22197061777114868f,  0.3291589617729187f,   0.34619882702827454f, 0.2220826894044876f,  0.029056524857878685f,
      -0.07755158096551895f, -0.03646085411310196f, 0.03591643273830414f, 0.01963580586016178f, -0.02062864787876606f};
  const Vec<float> a = clamp(select(x < 0.0f, -x, x), 0.0f, 20.0f);
  const Vec<float> high = {
      bits_as<Vec<float>::Native>(bits_as<Vec<float>::Mask>(a) & ~0xfff)};  // 12 bits: its square is exact
  const Vec<float> square = a * a, rest = (high * high - square) + (a - high) * (a + high);
  const Vec<float> e = exp(square * -0.5f), bell = e - e * (rest * 0.5f);
  const Vec<float> t = 1.0f / (a * 0.3f + 1.0f), u = t - 0.5f;
  Vec<float> p = Vec<float>::splat(kCoefficients[9]);
#pragma GCC unroll 9
  for (int i = 8; i >= 0; --i) p = p * u + kCoefficients[i];
  const Vec<float> tail = bell * (p * t);
  return {select(x < 0.0f, tail, 1.0f - tail), bell * 0x1.988454p-2f};
}

WUDAO_INLINE Normal<double> normal(Vec<double> x) {
  Normal<double> result;
  for (int i = 0; i < Vec<double>::kWidth; ++i) result.cdf.v[i] = 0.5 * __builtin_erfc(x.v[i] * -0x1.6a09e667f3bcdp-1);
  result.density = exp(x * x * -0.5) * 0x1.9884533d43651p-2;
  return result;
}

}  // namespace wudao::WUDAO_ISA
