// Arguments of the kernels that change parameters.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::kernels {

// AdamW (Loshchilov and Hutter 2019, algorithm 2), step counted from 1:
//   g = grad * grad_scale;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   p -= lr * ( (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + decay * p )
struct AdamW {
  void* p;
  const void* grad;
  void* m;
  void* v;
  DType dtype;  // float32 or float64
  std::int64_t size;
  double lr, beta1, beta2, eps, decay, grad_scale;
  double correction1, correction2;  // 1 - b1^t, 1 - b2^t
  ThreadPool* pool;
};

// total[0] = sum of x^2 in double: chunks of 4096 in order, then the chunks in a fixed tree.
struct SumSquares {
  const void* x;
  double* total;
  double* work;  // ceil(size / 4096) doubles
  DType dtype;
  std::int64_t size;
  ThreadPool* pool;
};

// y = a * x + b * y; float32 or float64. y is not read when b is 0.
struct Scale {
  const void* x;
  void* y;
  double a, b;
  DType dtype;
  std::int64_t size;
  ThreadPool* pool;
};

constexpr std::int64_t kSumChunk = 4096;

}  // namespace wudao::kernels
