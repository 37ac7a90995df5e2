// Arguments of kernels on maps: arrays (batch, height, width, channels), channels next to each other.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::kernels {

// y[b, p, c] = (x[b, p, c] - mean) rstd gamma_c + beta_c, mean and rstd = 1 / sqrt(var + eps) over the pixels p and channels of
// picture b and the group of c.
struct GroupNormForward {
  const void* x;      // (batch, pixels, channels) dtype
  const void* gamma;  // (channels,) accumulator type
  const void* beta;
  void* y;  // of x's shape and type
  DType dtype;
  std::int64_t batch, pixels, channels, groups;
  double eps;
  ThreadPool* pool;
};

struct GroupNormBackward {
  const void* x;
  const void* gamma;
  const void* dy;
  void* dx;
  void *dgamma, *dbeta;  // (channels,) accumulator type
  void* work;            // (batch, 2, channels) accumulator type
  DType dtype;
  std::int64_t batch, pixels, channels, groups;
  double eps;
  int shards;
  ThreadPool* pool;
};

// Every pixel of x becomes times x times pixels of y; backward: x gets the sum of them, line by line.
struct UpsampleNearest {
  const void* from;  // x, or dy in backward
  void* to;          // y, or dx
  DType dtype;
  std::int64_t batch, height, width, channels;  // of x
  std::int64_t times;
  bool backward;
  ThreadPool* pool;
};

enum class ActivationForm : std::uint8_t { kRelu, kSwish };

// Forward: y = f(x). Backward: y = dy f'(x), the slope of ReLU at 0 being 0.
struct ActivationMap {
  const void* x;
  const void* dy;  // null in forward
  void* y;
  DType dtype;
  ActivationForm form;
  std::int64_t size;
  ThreadPool* pool;
};

}  // namespace wudao::kernels
