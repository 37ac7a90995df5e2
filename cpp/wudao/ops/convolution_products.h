// The products inside convolutions: of windows as rows of a matrix with the weight, some pictures at a time.
#pragma once

#include "wudao/kernels/windows.h"
#include "wudao/ops/convolution.h"

namespace wudao::ops {

// Refuses what is no convolution; x is a map of `channels` channels.
void check_convolution(std::string_view op, const ConvolutionParams& params, const Tensors<3>& inputs,
                       const Shape& weight_shape, std::int64_t out_channels);

// The windows of a map of this shape, not rectified; of a transposed convolution the map is its result.
kernels::Windows windows_of(const ConvolutionParams& params, const Shape& map, std::int64_t down, std::int64_t across);

// A matrix somewhere inside a tensor, or nothing; where the tensor is a map, its windows or some of its pixels.
struct Rows {
  void* data = nullptr;
  DType dtype = DType::kFloat32;
  const kernels::Windows* windows = nullptr;
  const kernels::Pixels* pixels = nullptr;
};

// y = x W^T + bias over `rows` rows.
void multiply(Context& ctx, const Rows& x, const Tensor& weight, const void* bias, const Rows& y, std::int64_t rows,
              DType compute);
// dx = dy W, and 0 unless `rectified`, which is like dx, is positive there; null: dy W alone.
void multiply_back(Context& ctx, const Rows& dy, const Tensor& weight, const Rows& dx, std::int64_t rows, DType compute,
                   const void* rectified);
// dW = dy^T x, shard by shard
Tensor weight_gradient(Context& ctx, const Rows& dy, const Rows& x, const Tensor& weight, std::int64_t rows,
                       DType compute);
// The sum of the rows of dy, (channels,), shard by shard.
Tensor bias_gradient(Context& ctx, const Rows& dy, std::int64_t rows, std::int64_t channels, DType compute);

}  // namespace wudao::ops
