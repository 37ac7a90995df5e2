// Group norm and its gradient. A task is one group of one picture.
#include <cmath>
#include <type_traits>

#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/shard_tree.h"
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/kernels/maps.h"

namespace wudao::WUDAO_ISA {
namespace {

// One group of one picture.
struct Group {
  std::int64_t first;  // element of its first pixel
  std::int64_t channel, channels, stride, pixels;
};

template <class P, class F>
void for_groups(const P& p, F f) {
  const std::int64_t channels = p.channels / p.groups;
  parallel_for(p.pool, p.batch * p.groups, [&](std::int64_t task) {
    const std::int64_t picture = task / p.groups, channel = task % p.groups * channels;
    f(task, Group{picture * p.pixels * p.channels + channel, channel, channels, p.channels, p.pixels});
  });
}

// Calls f(element, channel) for every value of a group in its order.
template <class F>
WUDAO_INLINE void for_values(const Group& g, F f) {
  for (std::int64_t p = 0; p < g.pixels; ++p) {
    for (std::int64_t c = 0; c < g.channels; ++c) f(g.first + p * g.stride + c, g.channel + c);
  }
}

// What a group is computed in: wider than its values, for all of it hangs on differences of near numbers.
template <class S>
using Wide = std::conditional_t<sizeof(S) == 8, long double, double>;

template <class S>
WUDAO_INLINE Wide<S> value(const S* from, std::int64_t i) {
  if constexpr (sizeof(S) == 2) {
    return static_cast<double>(Vec<float>::load(from + i, First{1}).v[0]);
  } else {
    return static_cast<Wide<S>>(from[i]);
  }
}

template <class S, class T>
WUDAO_INLINE void put(S* to, std::int64_t i, T number) {
  Vec<T>::splat(number).store(to + i, First{1});
}

template <class W>
struct Moments {
  W mean, rstd;
};

template <class S>
Moments<Wide<S>> moments(const S* x, const Group& g, double eps) {
  using W = Wide<S>;
  const auto count = static_cast<W>(g.channels * g.pixels);
  W sum = 0, squares = 0;
  for_values(g, [&](std::int64_t i, std::int64_t) { sum += value(x, i); });
  const W mean = sum / count;
  for_values(g, [&](std::int64_t i, std::int64_t) { squares += (value(x, i) - mean) * (value(x, i) - mean); });
  return {mean, 1 / std::sqrt(squares / count + static_cast<W>(eps))};
}

template <class S>
void forward(const kernels::GroupNormForward& p) {
  using T = Accumulator<S>;
  using W = Wide<S>;
  const auto* x = static_cast<const S*>(p.x);
  const auto *gamma = static_cast<const T*>(p.gamma), *beta = static_cast<const T*>(p.beta);
  for_groups(p, [&](std::int64_t, const Group& g) {
    const Moments<W> m = moments(x, g, p.eps);
    for_values(g, [&](std::int64_t i, std::int64_t c) {
      const W normal = (value(x, i) - m.mean) * m.rstd;
      put(static_cast<S*>(p.y), i, static_cast<T>(normal * static_cast<W>(gamma[c]) + static_cast<W>(beta[c])));
    });
  });
}

// dx, and what this picture adds to the gradients of gamma and beta: work (picture, 2, channels).
template <class S>
void backward_group(const kernels::GroupNormBackward& p, std::int64_t task, const Group& g) {
  using T = Accumulator<S>;
  using W = Wide<S>;
  const auto *x = static_cast<const S*>(p.x), *dy = static_cast<const S*>(p.dy);
  const auto* gamma = static_cast<const T*>(p.gamma);
  const Moments<W> m = moments(x, g, p.eps);
  const auto normal = [&](std::int64_t i) { return (value(x, i) - m.mean) * m.rstd; };
  T* const dgamma = static_cast<T*>(p.work) + task / p.groups * 2 * p.channels;
  T* const dbeta = dgamma + p.channels;
  W pull = 0, turn = 0;
  for (std::int64_t c = 0; c < g.channels; ++c) {
    W with = 0, alone = 0;
    for (std::int64_t pixel = 0; pixel < g.pixels; ++pixel) {
      const std::int64_t i = g.first + pixel * g.stride + c;
      with += value(dy, i) * normal(i);
      alone += value(dy, i);
    }
    const auto scale = static_cast<W>(gamma[g.channel + c]);
    dgamma[g.channel + c] = static_cast<T>(with), dbeta[g.channel + c] = static_cast<T>(alone);
    pull += alone * scale, turn += with * scale;
  }
  const auto count = static_cast<W>(g.channels * g.pixels);
  for_values(g, [&](std::int64_t i, std::int64_t c) {
    const W d = value(dy, i) * static_cast<W>(gamma[c]);
    put(static_cast<S*>(p.dx), i, static_cast<T>(m.rstd * (d - pull / count - normal(i) * turn / count)));
  });
}

// Pictures within a shard in order, shards in the tree; the first picture's row of a shard takes its sum.
template <class T>
void sum_pictures(const kernels::GroupNormBackward& p) {
  T* const work = static_cast<T*>(p.work);
  const std::int64_t each = p.batch / p.shards, line = 2 * p.channels;
  for (std::int64_t s = 0; s < p.shards; ++s) {
    for (std::int64_t b = 1; b < each; ++b) add_row(work + s * each * line, work + (s * each + b) * line, line);
  }
  shard_tree(p.shards, [&](std::int64_t into, std::int64_t from) {
    add_row(work + into * each * line, work + from * each * line, line);
  });
  const auto bytes = static_cast<std::size_t>(p.channels) * sizeof(T);
  if (p.batch == 0) __builtin_memset(work, 0, 2 * bytes);
  __builtin_memcpy(p.dgamma, work, bytes);
  __builtin_memcpy(p.dbeta, work + p.channels, bytes);
}

}  // namespace

void group_norm_forward(const kernels::GroupNormForward& p) {
  with_type(p.dtype, [&]<class S>(Type<S>) { forward<S>(p); });
}

void group_norm_backward(const kernels::GroupNormBackward& p) {
  with_type(p.dtype, [&]<class S>(Type<S>) {
    for_groups(p, [&](std::int64_t task, const Group& g) { backward_group<S>(p, task, g); });
    sum_pictures<Accumulator<S>>(p);
  });
}

}  // namespace wudao::WUDAO_ISA
