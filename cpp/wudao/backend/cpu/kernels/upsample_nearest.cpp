// Nearest-neighbour upsampling and its gradient.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/kernels/maps.h"

namespace wudao::WUDAO_ISA {
namespace {

// A line of x, which is `times` lines of y.
void repeat_line(const kernels::UpsampleNearest& p, std::int64_t line) {
  const auto pixel = static_cast<std::size_t>(p.channels) * size_of(p.dtype);
  const auto width = static_cast<std::size_t>(p.width), times = static_cast<std::size_t>(p.times);
  const char* const from = static_cast<const char*>(p.from) + static_cast<std::size_t>(line) * width * pixel;
  char* const to = static_cast<char*>(p.to) + static_cast<std::size_t>(line) * times * times * width * pixel;
  for (std::size_t i = 0; i < width * times; ++i) __builtin_memcpy(to + i * pixel, from + i / times * pixel, pixel);
  for (std::size_t t = 1; t < times; ++t)
    __builtin_memcpy(to + t * width * times * pixel, to, width * times * pixel);
}

template <class S>
void add_line_up(const kernels::UpsampleNearest& p, std::int64_t line) {
  using T = Accumulator<S>;
  const std::int64_t wide = p.width * p.times * p.channels;
  const S* const dy = static_cast<const S*>(p.from) + line * p.times * wide;
  for (std::int64_t x = 0; x < p.width; ++x) {
    S* const dx = static_cast<S*>(p.to) + (line * p.width + x) * p.channels;
    for_vectors<Vec<T>::kWidth>(0, p.channels, [&](std::int64_t c, auto lanes) {
      Vec<T> sum = Vec<T>::splat(0);
      for (std::int64_t t = 0; t < p.times * p.times; ++t)
        sum += Vec<T>::load(dy + t / p.times * wide + (x * p.times + t % p.times) * p.channels + c, lanes);
      sum.store(dx + c, lanes);
    });
  }
}

}  // namespace

void upsample_nearest(const kernels::UpsampleNearest& p) {
  parallel_rows(p.pool, p.batch * p.height, p.width * p.channels * p.times * p.times, [&](std::int64_t line) {
    if (!p.backward) return repeat_line(p, line);
    with_type(p.dtype, [&]<class S>(Type<S>) { add_line_up<S>(p, line); });
  });
}

}  // namespace wudao::WUDAO_ISA
