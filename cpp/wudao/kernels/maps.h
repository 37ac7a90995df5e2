// Arguments of kernels on maps: arrays (batch, height, width, channels), channels next to each other.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::kernels {

// Windows of kernel x kernel pixels of a map, `stride` apart: window (i, j) sees the pixels (i stride - padding + ky,
// j stride - padding + kx). There are down x across of them in each picture.
struct Windows {
  std::int64_t batch, height, width, channels;  // of the map
  std::int64_t kernel, stride, padding;
  std::int64_t down, across;

  std::int64_t count() const { return batch * down * across; }
  std::int64_t pixels() const { return batch * height * width; }
  std::int64_t row() const { return kernel * kernel * channels; }  // values of a window: (ky, kx, channel)
};

// rows[window, :] = the pixels that it sees, zeros outside of the map.
struct GatherWindows {
  const void* x;  // the map
  void* rows;     // (windows.count(), windows.row())
  DType dtype;    // of both
  Windows windows;
  ThreadPool* pool;
};

// The adjoint: y[pixel] = bias + the sum of what all windows that see it have for it, ky and kx ascending.
struct AddWindows {
  const void* rows;
  const void* bias;  // (channels,) accumulator type, or null
  void* y;
  DType rows_type, y_type;
  Windows windows;
  ThreadPool* pool;
};

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
