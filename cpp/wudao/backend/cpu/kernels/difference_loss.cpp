// L1 and L2 between two arrays, and the gradient.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/kernels/codes.h"

namespace wudao::WUDAO_ISA {
namespace {

// One chunk, value by value in double: the order is that of memory.
template <class T>
double chunk_loss(const kernels::DifferenceLoss& p, std::int64_t begin, std::int64_t end) {
  const auto *y = static_cast<const T*>(p.y), *target = static_cast<const T*>(p.target);
  double absolute = 0, squared = 0;
  for (std::int64_t i = begin; i < end; ++i) {
    const double d = static_cast<double>(y[i]) - static_cast<double>(target[i]);
    absolute += __builtin_fabs(d);
    squared += d * d;
  }
  return p.absolute * absolute + p.squared * squared;
}

template <class T>
void chunk_gradient(const kernels::DifferenceLoss& p, std::int64_t begin, std::int64_t end) {
  const auto *y = static_cast<const T*>(p.y), *target = static_cast<const T*>(p.target);
  auto* const dy = static_cast<T*>(p.dy);
  const auto slope = static_cast<T>(p.scale * p.absolute), twice = static_cast<T>(2 * p.scale * p.squared);
  const Vec<T> none = Vec<T>::splat(0), up = Vec<T>::splat(slope), down = Vec<T>::splat(-slope);
  for_vectors<Vec<T>::kWidth>(begin, end, [&](std::int64_t i, auto lanes) {
    const Vec<T> d = Vec<T>::load(y + i, lanes) - Vec<T>::load(target + i, lanes);
    const Vec<T> sign = select(d > T(0), up, select(d < T(0), down, none));
    (sign + d * twice).store(dy + i, lanes);
  });
}

template <class T>
void run(const kernels::DifferenceLoss& p) {
  const std::int64_t shard = p.size / p.shards, chunk = (shard + kernels::kDifferenceChunks - 1) / kernels::kDifferenceChunks;
  parallel_for(p.pool, p.shards * kernels::kDifferenceChunks, [&](std::int64_t task) {
    const std::int64_t first = task / kernels::kDifferenceChunks * shard, place = task % kernels::kDifferenceChunks * chunk;
    const std::int64_t begin = first + (place < shard ? place : shard);
    const std::int64_t end = first + (place + chunk < shard ? place + chunk : shard);
    p.work[task] = chunk_loss<T>(p, begin, end);
    if (p.dy != nullptr) chunk_gradient<T>(p, begin, end);
  });
  for (int s = 0; s < p.shards; ++s) {
    p.losses[s] = 0;
    for (std::int64_t c = 0; c < kernels::kDifferenceChunks; ++c) p.losses[s] += p.work[s * kernels::kDifferenceChunks + c];
  }
}

}  // namespace

void difference_loss(const kernels::DifferenceLoss& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) { run<T>(p); });
}

}  // namespace wudao::WUDAO_ISA
