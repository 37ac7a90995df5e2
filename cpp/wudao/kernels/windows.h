// Where a convolution looks and where it writes: rows of a product that are windows of a map, and rows that are pixels.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"

namespace wudao::kernels {

// Windows of down_kernel x across_kernel pixels of a map (batch, height, width, channels), `stride` apart: window (i,
// j) sees the pixels (i stride + top + ky, j stride + left + kx), which are zeros outside of the map. There are down x
// across of them in each picture. What is seen is max(pixel, 0) where `rectified`; a NaN stays one.
struct Windows {
  std::int64_t batch, height, width, channels;  // of the map
  std::int64_t down_kernel, across_kernel, stride, top, left;
  std::int64_t down, across;
  bool rectified = false;
  DType dtype = DType::kFloat32;  // of the map; looked at where rectified

  std::int64_t count() const { return batch * down * across; }
  std::int64_t row() const { return down_kernel * across_kernel * channels; }  // values of a window: (ky, kx, channel)
};

// Pixels of a map, `stride` apart: number n, counted as windows are, is (i stride + line, j stride + column).
struct Pixels {
  std::int64_t height, width;  // of the map
  std::int64_t stride, line, column;
  std::int64_t down, across;

  std::int64_t place(std::int64_t n) const {
    const std::int64_t picture = n / (down * across), i = n / across % down, j = n % across;
    return (picture * height + i * stride + line) * width + j * stride + column;
  }
};

}  // namespace wudao::kernels
