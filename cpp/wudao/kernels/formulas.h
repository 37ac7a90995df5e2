// Formulas that every backend shares, written once for any value type: vectors on the CPU, single numbers on CUDA.
//
// V is the value type and T the number in it. Before it includes this file, a backend defines WUDAO_ISA, the namespace
// of what it compiles, and WUDAO_FORMULA, how its functions are marked, unless it is the CPU. `exp(V)`, `sqrt(V)`,
// `clamp(V, T, T)` and `normal(V)`, with fields cdf and density, are the backend's.
#pragma once

#ifndef WUDAO_FORMULA
#define WUDAO_FORMULA __attribute__((always_inline)) inline
#endif

namespace wudao::WUDAO_ISA {

// GELU, tanh form (Hendrycks and Gimpel 2016, section 2): 0.5 x (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3).
// With d = exp(-2u) the gate (1 + tanh u) / 2 is 1 / (1 + d), so nothing cancels for negative x.
template <class T, class V>
WUDAO_FORMULA V gelu_tanh_decay(V x) {
  constexpr T k1 = T(-2 * 0.79788456080286535588), k3 = T(-2 * 0.79788456080286535588 * 0.044715);
  return exp(x * (x * x * k3 + k1));
}

template <class T, class V>
WUDAO_FORMULA V gelu_tanh(V x) {
  return x / (T(1) + gelu_tanh_decay<T>(x));
}

// gate + x gate (1 - gate) 2u', where 1 - gate = d gate. Beyond the bound the slope is 0 or 1 to the last place; within
// it d is finite.
template <class T, class V>
WUDAO_FORMULA V gelu_tanh_slope(V x) {
  constexpr T bound = sizeof(T) == 8 ? T(20) : T(9);
  constexpr T k1 = T(2 * 0.79788456080286535588), k3 = T(6 * 0.79788456080286535588 * 0.044715);
  const V within = clamp(x, -bound, bound);
  const V decay = gelu_tanh_decay<T>(within), gate = T(1) / (T(1) + decay);
  return gate + within * (decay * gate * gate) * (within * within * k3 + k1);
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

// One AdamW step of one parameter (Loshchilov and Hutter 2019, algorithm 2). `rest` is 1 - beta, `rate` lr / (1 -
// b1^t), `inverse2` 1 / (1 - b2^t), `shrink` lr * decay: small numbers made in double, so that no difference of
// near-equal numbers is rounded.
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
