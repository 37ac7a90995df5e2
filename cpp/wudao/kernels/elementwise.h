// Arguments of elementwise kernels. `size` counts elements; all pointers are contiguous and may be equal (in place).
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"
#include "wudao/base/philox.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::kernels {

// y = a + b; the three types may differ (sums in the accumulator type).
struct Add {
  const void* a;
  const void* b;
  void* y;
  DType a_type, b_type, y_type;
  std::int64_t size;
  ThreadPool* pool;
};

// y += x, both of type `dtype`.
struct Accumulate {
  const void* x;
  void* y;
  DType dtype;
  std::int64_t size;
  ThreadPool* pool;
};

// y = x in another type; rounding is to nearest, ties to even.
struct Convert {
  const void* x;
  void* y;
  DType x_type, y_type;
  std::int64_t size;
  ThreadPool* pool;
};

// y[i] = std * sqrt(-2 ln((a + 1) / 2^32)) * cos(2 pi b / 2^32), in float64 and then rounded to float32 or float64;
// (a, b) are words (2i, 2i + 1) of the stream (Box and Muller 1958).
struct FillNormal {
  void* y;
  DType dtype;
  std::int64_t size;
  double std;
  philox::Key key;
  ThreadPool* pool;
  std::int64_t first = 0;  // y[i] is number first + i of the stream
};

// Forward: y = gelu(x). Backward: y = dy * gelu'(x). tanh form or erf form.
struct Gelu {
  const void* x;
  const void* dy;  // null in forward
  void* y;
  DType dtype;
  bool tanh_form;
  std::int64_t size;
  ThreadPool* pool;
};

// y[i] = x[i] * keep(first_index + i) / (1 - p), keep when uniform_at(key, index) >= p; what is not kept
// becomes 0, NaN too. Its own backward.
struct Dropout {
  const void* x;
  void* y;
  DType dtype;
  double p;
  philox::Key key;
  std::int64_t first_index;
  std::int64_t size;
  ThreadPool* pool;
};

}  // namespace wudao::kernels
