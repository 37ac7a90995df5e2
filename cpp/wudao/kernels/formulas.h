// Formulas that every backend shares, written once for any value type: a vector of lanes on the CPU, one number on CUDA.
//
// V is the value type and T the number in it. Before it includes this file, a backend defines WUDAO_ISA, the namespace of
// what it compiles, and WUDAO_FORMULA, how its functions are marked, unless it is the CPU. `exp(V)`, `sqrt(V)`,
// `clamp(V, T, T)` and `normal(V)`, with fields cdf and density, are the backend's.
#pragma once

#ifndef WUDAO_FORMULA
#define WUDAO_FORMULA __attribute__((always_inline)) inline
#endif

namespace wudao::WUDAO_ISA {

// GELU, tanh form (Hendrycks and Gimpel 2016, section 2): 0.5 x (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3).
// Since (1 + tanh u) / 2 = 1 / (1 + exp(-2u)), nothing cancels for negative x.
template <class T, class V>
WUDAO_FORMULA V gelu_tanh_gate(V x) {
  constexpr T k1 = T(-2 * 0.79788456080286535588), k3 = T(-2 * 0.79788456080286535588 * 0.044715);
  return T(1) / (T(1) + exp(x * (x * x * k3 + k1)));
}

template <class T, class V>
WUDAO_FORMULA V gelu_tanh(V x) {
  return x * gelu_tanh_gate<T>(x);
}

// Beyond |x| = 20 the slope is 0 or 1 in every precision, and x^2 must not overflow.
template <class T, class V>
WUDAO_FORMULA V gelu_tanh_slope(V x) {
  constexpr T k1 = T(2 * 0.79788456080286535588), k3 = T(6 * 0.79788456080286535588 * 0.044715);
  const V bounded = clamp(x, T(-20), T(20));
  const V gate = gelu_tanh_gate<T>(bounded);
  return gate + bounded * (gate * (T(1) - gate)) * (bounded * bounded * k3 + k1);
}

// GELU, erf form: x P(N <= x) for a standard normal N.
template <class T, class V>
WUDAO_FORMULA V gelu_erf(V x) {
  return x * normal(x).cdf;
}

template <class T, class V>
WUDAO_FORMULA V gelu_erf_slope(V x) {
  const auto at = normal(x);
  return at.cdf + x * at.density;
}

// One AdamW step of one parameter (Loshchilov and Hutter 2019, algorithm 2). `rest` is 1 - beta, `rate` lr / (1 - b1^t),
// `inverse2` 1 / (1 - b2^t), `shrink` lr * decay: small numbers made in double, so that no difference of near-equal
// numbers is rounded.
template <class T>
struct AdamWStep {
  T beta1, rest1, beta2, rest2, eps, grad_scale, rate, inverse2, shrink;

  template <class V>
  WUDAO_FORMULA void operator()(V& p, V grad, V& m, V& v) const {
    const V g = grad * grad_scale;
    m = m * beta1 + g * rest1;
    v = v * beta2 + g * g * rest2;
    p = p - (m * rate / (sqrt(v * inverse2) + eps) + p * shrink);
  }
};

}  // namespace wudao::WUDAO_ISA
