// y = x - logsumexp(x), one row at a time: (x - m) - log(sum of exp(x - m)) with m the largest of the row.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/math.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/reduce.h"
#include "wudao/kernels/products.h"

namespace wudao::WUDAO_ISA {
namespace {

template <class T>
T largest_of(const T* x, std::int64_t cols) {
  const T least = static_cast<T>(-__builtin_huge_val());
  Vec<T> largest = Vec<T>::splat(least);
  for_vectors<Vec<T>::kWidth>(0, cols, [&](std::int64_t i, auto lanes) {
    largest = larger_of(largest, only(lanes, Vec<T>::load(x + i, lanes), least));
  });
  return maximum(largest);
}

template <class T>
void row(const T* x, T* y, std::int64_t cols) {
  const T largest = largest_of(x, cols);
  const T sum = sum_over<T>(
      cols, [=](std::int64_t i, auto lanes) { return only(lanes, exp(Vec<T>::load(x + i, lanes) - largest), T(0)); });
  const T log_sum = static_cast<T>(__builtin_log(static_cast<double>(sum)));
  for_vectors<Vec<T>::kWidth>(0, cols, [=](std::int64_t i, auto lanes) {
    ((Vec<T>::load(x + i, lanes) - largest) - log_sum).store(y + i, lanes);
  });
}

}  // namespace

void log_softmax(const kernels::LogSoftmax& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t n) {
      row(static_cast<const T*>(p.x) + n * p.cols, static_cast<T*>(p.y) + n * p.cols, p.cols);
    });
  });
}

}  // namespace wudao::WUDAO_ISA
