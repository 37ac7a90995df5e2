// What happens to a stretch of one row around a product, in the accumulator type T and in cache.
#pragma once

#include "wudao/backend/cpu/simd/math.h"
#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/base/dtype.h"
#include "wudao/kernels/products.h"

namespace wudao::WUDAO_ISA {

// The address of element `index`.
inline const char* element(const void* data, DType dtype, std::int64_t index) {
  return static_cast<const char*>(data) + index * static_cast<std::int64_t>(size_of(dtype));
}

WUDAO_INLINE float widen(BFloat16 x) { return __builtin_bit_cast(float, static_cast<std::uint32_t>(x.bits) << 16); }

WUDAO_INLINE BFloat16 round_to_bfloat16(float x) {
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  return {static_cast<std::uint16_t>(x != x ? (bits >> 16) | 0x40 : rounded)};
}

template <class T>
void load_row(const void* x, DType dtype, std::int64_t first, T* __restrict to, std::int64_t size) {
  if (dtype == DType::kBFloat16) {
    const auto* from = static_cast<const BFloat16*>(x) + first;
    for (std::int64_t j = 0; j < size; ++j) to[j] = widen(from[j]);
  } else {
    const auto* from = static_cast<const T*>(x) + first;
    for (std::int64_t j = 0; j < size; ++j) to[j] = from[j];
  }
}

template <class T>
void store_row(const T* __restrict from, void* y, DType dtype, std::int64_t first, std::int64_t size) {
  if (dtype == DType::kBFloat16) {
    auto* to = static_cast<BFloat16*>(y) + first;
    for (std::int64_t j = 0; j < size; ++j) to[j] = round_to_bfloat16(static_cast<float>(from[j]));
  } else {
    auto* to = static_cast<T*>(y) + first;
    for (std::int64_t j = 0; j < size; ++j) to[j] = from[j];
  }
}

template <class T>
void add_row(T* __restrict x, const T* __restrict y, std::int64_t size) {
  for (std::int64_t j = 0; j < size; ++j) x[j] += y[j];
}

template <class T>
void add_row(T* __restrict x, const void* y, DType dtype, std::int64_t first, std::int64_t size) {
  if (dtype == DType::kBFloat16) {
    const auto* from = static_cast<const BFloat16*>(y) + first;
    for (std::int64_t j = 0; j < size; ++j) x[j] += widen(from[j]);
  } else {
    add_row(x, static_cast<const T*>(y) + first, size);
  }
}

template <class T>
void scale_row(T* x, T factor, std::int64_t size) {
  for (std::int64_t j = 0; j < size; ++j) x[j] *= factor;
}

template <class T>
void clear_row(T* x, std::int64_t size) {
  for (std::int64_t j = 0; j < size; ++j) x[j] = 0;
}

template <class T>
void copy_row(T* __restrict to, const T* __restrict from, std::int64_t size) {
  for (std::int64_t j = 0; j < size; ++j) to[j] = from[j];
}

// dx = p (dx - delta)
template <class T>
void score_gradient_row(T* __restrict dx, const T* __restrict p, T delta, std::int64_t size) {
  for (std::int64_t j = 0; j < size; ++j) dx[j] = p[j] * (dx[j] - delta);
}

template <class T>
T dot_row(const T* x, const T* y, std::int64_t size) {
  T lanes[Vec<T>::kWidth] = {};
  for (std::int64_t j = 0; j < size; j += Vec<T>::kWidth) {
    for (int l = 0; l < Vec<T>::kWidth; ++l) lanes[l] += x[j + l] * y[j + l];
  }
  T sum = 0;
  for (T lane : lanes) sum += lane;
  return sum;
}

template <class T>
T largest_of_row(const T* x, std::int64_t size) {
  T largest = -static_cast<T>(__builtin_huge_val());
  for (std::int64_t j = 0; j < size; ++j) largest = x[j] > largest ? x[j] : largest;
  return largest;
}

template <class T>
T exponential(T x) {
  alignas(64) T lanes[Vec<T>::kWidth];
  exp(Vec<T>::splat(x)).store(lanes);
  return lanes[0];
}

// x = exp(x - reference); returns the sum.
template <class T>
T exponential_row(T* x, T reference, std::int64_t size) {
  using V = Vec<T>;
  V sum = V::splat(0);
  std::int64_t j = 0;
  for (; j + V::kWidth <= size; j += V::kWidth) {
    V e = V::load(x + j);
    e.v -= V::splat(reference).v;
    e = exp(e);
    e.store(x + j);
    sum.v += e.v;
  }
  alignas(64) T lanes[V::kWidth];
  if (j < size) {
    for (int l = 0; l < V::kWidth; ++l) lanes[l] = j + l < size ? x[j + l] - reference : -static_cast<T>(__builtin_huge_val());
    V e = exp(V::load(lanes));
    sum.v += e.v;
    e.store(lanes);
    for (std::int64_t l = 0; j + l < size; ++l) x[j + l] = lanes[l];
  }
  sum.store(lanes);
  T total = 0;
  for (T lane : lanes) total += lane;
  return total;
}

// x = x * keep / (1 - p) with the random numbers of elements first, first + 1, ...
template <class T>
void drop_row(T* x, const philox::Key& key, double p, std::uint64_t first, std::int64_t size) {
  const T factor = static_cast<T>(1.0 / (1.0 - p));
  for (std::int64_t j = 0; j < size; ++j) {
    x[j] *= philox::uniform_at(key, first + static_cast<std::uint64_t>(j)) >= static_cast<float>(p) ? factor : T{0};
  }
}

template <class T>
void activate_row(T* x, kernels::Activation activation, std::int64_t size) {
  if (activation == kernels::Activation::kNone) return;
  for (std::int64_t j = 0; j < size; ++j) {
    const double v = static_cast<double>(x[j]);
    x[j] = static_cast<T>(activation == kernels::Activation::kGeluTanh
                              ? 0.5 * v * (1 + __builtin_tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)))
                              : 0.5 * v * (1 + __builtin_erf(v * 0.7071067811865476)));
  }
}

// dx = dx * activation'(u)
template <class T>
void activation_gradient_row(T* dx, const T* u, kernels::Activation activation, std::int64_t size) {
  for (std::int64_t j = 0; j < size; ++j) {
    const double v = static_cast<double>(u[j]);
    double g;
    if (activation == kernels::Activation::kGeluTanh) {
      const double t = __builtin_tanh(0.7978845608028654 * (v + 0.044715 * v * v * v));
      g = 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * 0.7978845608028654 * (1 + 3 * 0.044715 * v * v);
    } else {
      g = 0.5 * (1 + __builtin_erf(v * 0.7071067811865476)) + v * 0.3989422804014327 * __builtin_exp(-0.5 * v * v);
    }
    dx[j] *= static_cast<T>(g);
  }
}

}  // namespace wudao::WUDAO_ISA
