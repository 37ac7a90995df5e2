// What happens to a stretch of one row around a product, in the accumulator type T and in cache.
#pragma once

#include <type_traits>

#include "wudao/backend/cpu/simd/math.h"
#include "wudao/backend/cpu/simd/random.h"
#include "wudao/backend/cpu/simd/reduce.h"
#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/base/dtype.h"
#include "wudao/kernels/formulas.h"
#include "wudao/kernels/products.h"

namespace wudao::WUDAO_ISA {

// The address of element `index`.
inline const char* element(const void* data, DType dtype, std::int64_t index) {
  return static_cast<const char*>(data) + index * static_cast<std::int64_t>(size_of(dtype));
}

// Calls f with the elements of an array from `first` on, as what they are stored as: bfloat16, float16 or T.
template <class T, class F>
WUDAO_INLINE void as_stored(const void* x, DType dtype, std::int64_t first, F&& f) {
  if (dtype == DType::kBFloat16) return f(static_cast<const BFloat16*>(x) + first);
  if (dtype == DType::kFloat16) return f(static_cast<const Float16*>(x) + first);
  f(static_cast<const T*>(x) + first);
}

template <class T>
void load_row(const void* x, DType dtype, std::int64_t first, T* to, std::int64_t size) {
  as_stored<T>(x, dtype, first, [&](const auto* from) {
    for_vectors<Vec<T>::kWidth>(
        0, size, [&](std::int64_t j, auto lanes) { Vec<T>::load(from + j, lanes).store(to + j, lanes); });
  });
}

template <class T>
void store_row(const T* from, void* y, DType dtype, std::int64_t first, std::int64_t size) {
  as_stored<T>(y, dtype, first, [&](const auto* at) {
    auto* to = const_cast<std::remove_const_t<std::remove_pointer_t<decltype(at)>>*>(at);
    for_vectors<Vec<T>::kWidth>(
        0, size, [&](std::int64_t j, auto lanes) { Vec<T>::load(from + j, lanes).store(to + j, lanes); });
  });
}

// x = f(x)
template <class T, class F>
WUDAO_INLINE void change_row(T* x, std::int64_t size, F&& f) {
  for_vectors<Vec<T>::kWidth>(0, size,
                              [&](std::int64_t j, auto lanes) { f(Vec<T>::load(x + j, lanes)).store(x + j, lanes); });
}

// x = f(x, y)
template <class T, class S, class F>
WUDAO_INLINE void change_row(T* x, const S* y, std::int64_t size, F&& f) {
  for_vectors<Vec<T>::kWidth>(0, size, [&](std::int64_t j, auto lanes) {
    f(Vec<T>::load(x + j, lanes), Vec<T>::load(y + j, lanes)).store(x + j, lanes);
  });
}

template <class T>
void add_row(T* x, const T* y, std::int64_t size) {
  change_row(x, y, size, [](Vec<T> a, Vec<T> b) { return a + b; });
}

template <class T>
void add_row(T* x, const void* y, DType dtype, std::int64_t first, std::int64_t size) {
  as_stored<T>(y, dtype, first,
               [&](const auto* from) { change_row(x, from, size, [](Vec<T> a, Vec<T> b) { return a + b; }); });
}

template <class T>
void scale_row(T* x, T factor, std::int64_t size) {
  change_row(x, size, [&](Vec<T> a) { return a * factor; });
}

template <class T>
void clear_row(T* x, std::int64_t size) {
  __builtin_memset(x, 0, static_cast<std::size_t>(size) * sizeof(T));
}

template <class T>
T largest_of_row(const T* x, std::int64_t size) {
  constexpr T kLeast = -static_cast<T>(__builtin_huge_val());
  Vec<T> largest = Vec<T>::splat(kLeast);
  for_vectors<Vec<T>::kWidth>(0, size, [&](std::int64_t j, auto lanes) {
    largest = larger_of(only(lanes, Vec<T>::load(x + j, lanes), kLeast), largest);
  });
  return maximum(largest);
}

// dx = dx * activation'(u)
template <class T>
void activation_gradient_row(T* dx, const T* u, kernels::Activation activation, std::int64_t size) {
  if (activation == kernels::Activation::kGeluTanh) {
    change_row(dx, u, size, [](Vec<T> d, Vec<T> at) { return d * gelu_tanh_slope<T>(at); });
  } else {
    change_row(dx, u, size, [](Vec<T> d, Vec<T> at) { return d * gelu_erf_slope<T>(at); });
  }
}

}  // namespace wudao::WUDAO_ISA
