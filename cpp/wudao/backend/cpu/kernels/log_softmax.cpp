// y = x - logsumexp(x) and its gradient, one row at a time: (x - m) - log(sum of exp(x - m)) with m the largest of the row.
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
T sum_of_exp(const T* x, T largest, std::int64_t cols) {
  return sum_over<T>(
      cols, [=](std::int64_t i, auto lanes) { return only(lanes, exp(Vec<T>::load(x + i, lanes) - largest), T(0)); });
}

template <class T>
void row(const T* x, T* y, std::int64_t cols) {
  const T largest = largest_of(x, cols), sum = sum_of_exp(x, largest, cols);
  const T log_sum = static_cast<T>(__builtin_log(static_cast<double>(sum)));
  for_vectors<Vec<T>::kWidth>(0, cols, [=](std::int64_t i, auto lanes) {
    ((Vec<T>::load(x + i, lanes) - largest) - log_sum).store(y + i, lanes);
  });
}

// Whether 0 * x is 0 for all: it is not a number where x is infinite or not a number.
template <class T>
bool all_finite(const T* x, std::int64_t cols) {
  return sum_over<T>(cols, [=](std::int64_t i, auto lanes) {
           return only(lanes, Vec<T>::load(x + i, lanes) * T(0), T(0));
         }) == T(0);
}

template <class T>
void summarise(const T* x, std::int64_t cols, std::int32_t& best, double& log_sum) {
  best = 0;
  log_sum = __builtin_nan("");
  if (!all_finite(x, cols)) return;
  const T largest = largest_of(x, cols);
  while (x[best] != largest) ++best;
  log_sum = static_cast<double>(largest) + __builtin_log(static_cast<double>(sum_of_exp(x, largest, cols)));
}

// dx holds log(softmax(x)) in between.
template <class T>
void backward_row(const T* x, const T* dy, T* dx, std::int64_t cols) {
  row(x, dx, cols);
  const T total = sum_over<T>(
      cols, [=](std::int64_t i, auto lanes) { return only(lanes, Vec<T>::load(dy + i, lanes), T(0)); });
  for_vectors<Vec<T>::kWidth>(0, cols, [=](std::int64_t i, auto lanes) {
    (Vec<T>::load(dy + i, lanes) - exp(Vec<T>::load(dx + i, lanes)) * total).store(dx + i, lanes);
  });
}

}  // namespace

void row_summary(const kernels::RowSummary& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t n) {
      summarise(static_cast<const T*>(p.x) + n * p.row, p.cols, p.best[n], p.log_sum[n]);
    });
  });
}

void log_softmax(const kernels::LogSoftmax& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t n) {
      row(static_cast<const T*>(p.x) + n * p.cols, static_cast<T*>(p.y) + n * p.cols, p.cols);
    });
  });
}

void log_softmax_backward(const kernels::LogSoftmaxBackward& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t n) {
      const std::int64_t first = n * p.cols;
      backward_row(static_cast<const T*>(p.x) + first, static_cast<const T*>(p.dy) + first,
                   static_cast<T*>(p.dx) + first, p.cols);
    });
  });
}

}  // namespace wudao::WUDAO_ISA
