#include "wudao/ops/convolution_phases.h"

#include <algorithm>
#include <cstring>

namespace wudao::ops {
namespace {

// One phase in one direction: pixels of the result first, first + s, ...; pixel n of them sees `seen` pixels of the
// given map from n + begin on, with pixels last, last - s, ... of the kernel.
struct Course {
  std::int64_t pixels, seen, begin, last;
};

Course course_of(const ConvolutionParams& p, std::int64_t first, std::int64_t size) {
  const std::int64_t least = (first + p.padding) % p.stride;
  const std::int64_t seen = least < p.kernel ? (p.kernel - least + p.stride - 1) / p.stride : 0;
  return {(size - first + p.stride - 1) / p.stride, seen, (first + p.padding - least) / p.stride - seen + 1,
          least + (seen - 1) * p.stride};
}

}  // namespace

std::vector<Phase> phases_of(const ConvolutionParams& params, const Shape& given, const Shape& result) {
  std::vector<Phase> phases;
  for (std::int64_t y = 0; y < std::min(params.stride, result[1]); ++y) {
    for (std::int64_t x = 0; x < std::min(params.stride, result[2]); ++x) {
      const Course down = course_of(params, y, result[1]), across = course_of(params, x, result[2]);
      phases.push_back({{given[0], given[1], given[2], given[3], down.seen, across.seen, 1, down.begin, across.begin,
                         down.pixels, across.pixels},
                        {result[1], result[2], params.stride, y, x, down.pixels, across.pixels},
                        down.last,
                        across.last});
    }
  }
  return phases;
}

Tensor weight_of_phase(Context& ctx, const ConvolutionParams& params, const Phase& phase, const Tensor& weight,
                       bool transposed) {
  const std::int64_t across = phase.windows.across_kernel, seen = phase.windows.down_kernel * across;
  const std::int64_t area = params.kernel * params.kernel;
  const std::int64_t channels = transposed ? weight.dim(0) / area : weight.dim(0);
  const std::int64_t line = transposed ? weight.dim(1) : weight.dim(1) / area;  // values that stay together
  Tensor part = ctx.empty(transposed ? Shape{channels, seen * line} : Shape{seen * channels, line}, weight.dtype());
  const std::size_t bytes = static_cast<std::size_t>(line) * size_of(weight.dtype());
  ctx.pool->for_each(seen, [&](std::int64_t t, int) {
    const std::int64_t ky = phase.line - t / across * params.stride, kx = phase.column - t % across * params.stride;
    const std::int64_t pixel = ky * params.kernel + kx;
    for (std::int64_t o = 0; o < channels; ++o) {
      const std::int64_t from = transposed ? pixel * channels + o : o * area + pixel;
      const std::int64_t to = transposed ? o * seen + t : t * channels + o;
      std::memcpy(static_cast<std::byte*>(part.raw()) + static_cast<std::size_t>(to) * bytes,
                  static_cast<const std::byte*>(weight.raw()) + static_cast<std::size_t>(from) * bytes, bytes);
    }
  });
  return part;
}

}  // namespace wudao::ops
