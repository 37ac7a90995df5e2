// How far one array is from another.
//
//   loss_s = sum over shard s of a |y - t| + b (y - t)^2;    dy = scale (a sign(y - t) + 2 b (y - t)), 0 where they are equal
//
// y and t of one shape, float32 or float64; the first axis divides evenly among the shards. Sums are in double.
#pragma once

#include <vector>

#include "wudao/ops/op.h"

namespace wudao::ops {

struct DifferenceWeights {
  double absolute = 0.0, squared = 1.0;
};

struct Difference {
  std::vector<double> losses;  // of each shard
  Tensor dy;
};

// dy is made unless `scale` is 0.
Difference difference_loss(Context& ctx, const Tensor& y, const Tensor& target, const DifferenceWeights& weights,
                           double scale);

}  // namespace wudao::ops
