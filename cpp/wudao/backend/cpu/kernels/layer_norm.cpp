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

template <class T, class X>
Moments<T> moments(const X* x, std::int64_t cols, double eps) {
  const T scale = T(1) / static_cast<T>(cols);
  const T mean = scale * sum_over<T>(cols, [=](std::int64_t i, auto lanes) { return Vec<T>::load(x + i, lanes); });
  const T variance = scale * sum_over<T>(cols, [=](std::int64_t i, auto lanes) {
                       const Vec<T> distance = only(lanes, Vec<T>::load(x + i, lanes) - mean, T(0));
                       return distance * distance;
                     });
  return {mean, T(1) / static_cast<T>(__builtin_sqrt(static_cast<double>(variance) + eps))};
}

template <class T, class X, class Y>
void row(const kernels::LayerNormForward& p, std::int64_t n) {
  const X* x = static_cast<const X*>(p.x) + n * p.cols;
  Y* y = static_cast<Y*>(p.y) + n * p.cols;
  const auto *gamma = static_cast<const T*>(p.gamma), *beta = static_cast<const T*>(p.beta);
  const Moments<T> of = moments<T>(x, p.cols, p.eps);
  if (p.mean != nullptr) {
    static_cast<T*>(p.mean)[n] = of.mean;
    static_cast<T*>(p.rstd)[n] = of.rstd;
  }
  for_vectors<Vec<T>::kWidth>(0, p.cols, [=](std::int64_t i, auto lanes) {
    const Vec<T> normal = (Vec<T>::load(x + i, lanes) - of.mean) * of.rstd;
    (normal * Vec<T>::load(gamma + i, lanes) + Vec<T>::load(beta + i, lanes)).store(y + i, lanes);
  });
}

}  // namespace

void layer_norm_forward(const kernels::LayerNormForward& p) {
  with_type(p.x_type, [&]<class X>(Type<X>) {
    with_type_like<X>(p.y_type, [&]<class Y>(Type<Y>) {
      parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t n) { row<Accumulator<X>, X, Y>(p, n); });
    });
  });
}

}  // namespace wudao::WUDAO_ISA
