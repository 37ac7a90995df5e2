// Arguments of the kernels of finite scalar quantization.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::kernels {

// A channel of L levels: bound(z) = h tanh(z + shift) - offset, which lies between -w - 1/2 and L - w - 1/2, w = L / 2
// rounded down; q = round(bound(z)) / w. Its digit, 0 to L - 1, is w q + w, and counts `basis` in the number of a code.
struct FsqChannel {
  double h, shift, offset, w;
  std::int64_t levels, basis;
};

// Forward: q of z. Backward: dz = dq h (1 - tanh(z + shift)^2) / w, as if nothing were rounded.
struct Fsq {
  const void* z;   // (rows, width)
  const void* dq;  // null in forward
  void* y;         // q or dz
  DType dtype;     // float32 or float64
  const FsqChannel* channels;
  std::int64_t rows, width;
  ThreadPool* pool;
};

// Between vectors q and the numbers of their codes; what is not finite gets digit 0.
struct FsqCodes {
  void* q;  // (rows, width)
  std::int32_t* codes;
  DType dtype;  // float32 or float64
  const FsqChannel* channels;
  std::int64_t rows, width;
  ThreadPool* pool;
};

}  // namespace wudao::kernels
