// The products inside convolutions: of windows as rows of a matrix with the weight, some pictures at a time.
#pragma once

#include "wudao/kernels/maps.h"
#include "wudao/ops/convolution.h"

namespace wudao::ops {

// Refuses what is no convolution; x is a map of `channels` channels.
void check_convolution(std::string_view op, const ConvolutionParams& params, const Tensors<3>& inputs,
                       const Shape& weight_shape, std::int64_t out_channels);

// The windows of a map of this shape; of a transposed convolution the map is its result.
kernels::Windows windows_of(const ConvolutionParams& params, const Shape& map, std::int64_t down, std::int64_t across);

// Pictures whose windows are worked on together: as many as leave their rows in the caches.
std::int64_t pictures_at_a_time(const kernels::Windows& windows, DType dtype);

// Calls run(windows of some pictures, first picture) for all of them in turn.
template <class Run>
void for_pictures(const kernels::Windows& windows, DType dtype, Run&& run) {
  const std::int64_t most = pictures_at_a_time(windows, dtype);
  for (std::int64_t first = 0; first < windows.batch; first += most) {
    kernels::Windows some = windows;
    some.batch = windows.batch - first < most ? windows.batch - first : most;
    run(some, first);
  }
}

// A matrix somewhere inside a tensor, or nothing.
struct Rows {
  void* data = nullptr;
  DType dtype = DType::kFloat32;
};

// y = x W^T + bias over `rows` rows.
void multiply(Context& ctx, const Rows& x, const Tensor& weight, const void* bias, const Rows& y, std::int64_t rows,
              DType compute);
// dx = dy W
void multiply_back(Context& ctx, const Rows& dy, const Tensor& weight, const Rows& dx, std::int64_t rows, DType compute);
// dW = dy^T x, shard by shard
Tensor weight_gradient(Context& ctx, const Rows& dy, const Rows& x, const Tensor& weight, std::int64_t rows,
                       DType compute);
// The sum of the rows of dy, (channels,), shard by shard.
Tensor bias_gradient(Context& ctx, const Rows& dy, std::int64_t rows, std::int64_t channels, DType compute);

}  // namespace wudao::ops
