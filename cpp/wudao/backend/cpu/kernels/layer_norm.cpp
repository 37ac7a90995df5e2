// Layer norm. Mean and variance in two passes over a row, which stays in the first-level cache.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/reduce.h"
#include "wudao/kernels/rows.h"

namespace wudao::WUDAO_ISA {
namespace {

template <class T>
struct Moments {
  T mean, rstd;
};

// Of x times `factor`.
template <class T, class X>
Moments<T> moments(const X* x, std::int64_t cols, double eps, T factor) {
  const T scale = T(1) / static_cast<T>(cols);
  const T mean = scale * sum_over<T>(cols, [=](std::int64_t i, auto lanes) { return Vec<T>::load(x + i, lanes) * factor; });
  const T variance = scale * sum_over<T>(cols, [=](std::int64_t i, auto lanes) {
                       const Vec<T> distance = only(lanes, Vec<T>::load(x + i, lanes) * factor - mean, T(0));
                       return distance * distance;
                     });
  return {mean, T(1) / static_cast<T>(__builtin_sqrt(static_cast<double>(variance) + eps))};
}

// 8 / max |x|; 1 for what is 0 throughout.
template <class T, class X>
T scaling_of(const X* x, std::int64_t size) {
  Vec<T> magnitude = Vec<T>::splat(0);
  for_vectors<Vec<T>::kWidth>(0, size, [&](std::int64_t i, auto lanes) {
    const Vec<T> value = Vec<T>::load(x + i, lanes);  // 0 beyond the end
    magnitude = larger_of(magnitude, larger_of(value, -value));
  });
  const T most = maximum(magnitude);
  return most > T(1e-30) ? T(8) / most : T(1);
}

template <class T, class X, class Y>
void row(const kernels::LayerNormForward& p, std::int64_t n, T factor) {
  const X* x = static_cast<const X*>(p.x) + n * p.cols;
  Y* y = static_cast<Y*>(p.y) + n * p.cols;
  const auto *gamma = static_cast<const T*>(p.gamma), *beta = static_cast<const T*>(p.beta);
  if (p.scaling == kernels::NormScaling::kRow) factor = scaling_of<T>(x, p.cols);
  const Moments<T> of = moments<T>(x, p.cols, p.eps, factor);
  if (p.mean != nullptr) {
    static_cast<T*>(p.mean)[n] = of.mean / factor;
    static_cast<T*>(p.rstd)[n] = of.rstd * factor;
  }
  for_vectors<Vec<T>::kWidth>(0, p.cols, [=](std::int64_t i, auto lanes) {
    const Vec<T> normal = (Vec<T>::load(x + i, lanes) * factor - of.mean) * of.rstd;
    (normal * Vec<T>::load(gamma + i, lanes) + Vec<T>::load(beta + i, lanes)).store(y + i, lanes);
  });
}

}  // namespace

void layer_norm_forward(const kernels::LayerNormForward& p) {
  with_type(p.x_type, [&]<class X>(Type<X>) {
    using T = Accumulator<X>;
    const bool whole = p.scaling == kernels::NormScaling::kTensor;
    const T factor = whole ? scaling_of<T>(static_cast<const X*>(p.x), p.rows * p.cols) : T(1);
    with_type_like<X>(p.y_type, [&]<class Y>(Type<Y>) {
      parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t n) { row<T, X, Y>(p, n, factor); });
    });
  });
}

}  // namespace wudao::WUDAO_ISA
