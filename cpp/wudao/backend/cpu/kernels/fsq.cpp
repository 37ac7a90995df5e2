// Finite scalar quantization: every channel by itself, in double, as there are few of them.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/kernels/fsq.h"

namespace wudao::WUDAO_ISA {
namespace {

// The level nearest to u, which lies within them but for what is not a number: that becomes the lowest.
WUDAO_INLINE double level(double u, const kernels::FsqChannel& c) {
  const double r = __builtin_rint(u), low = -c.w, high = static_cast<double>(c.levels - 1) - c.w;
  return r > low ? (r < high ? r : high) : low;
}

template <class T, class F>
void each(const kernels::Fsq& p, F f) {
  const auto* const z = static_cast<const T*>(p.z);
  auto* const y = static_cast<T*>(p.y);
  parallel_rows(p.pool, p.rows, p.width, [=](std::int64_t row) {
    for (std::int64_t i = row * p.width, c = 0; c < p.width; ++i, ++c) {
      y[i] = static_cast<T>(f(i, __builtin_tanh(static_cast<double>(z[i]) + p.channels[c].shift), p.channels[c]));
    }
  });
}

}  // namespace

void fsq_forward(const kernels::Fsq& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    each<T>(p, [](std::int64_t, double t, const kernels::FsqChannel& c) { return level(t * c.h - c.offset, c) / c.w; });
  });
}

void fsq_backward(const kernels::Fsq& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    const auto* const dq = static_cast<const T*>(p.dq);
    each<T>(p, [=](std::int64_t i, double t, const kernels::FsqChannel& c) {
      return static_cast<double>(dq[i]) * (c.h * (1.0 - t) * (1.0 + t) / c.w);
    });
  });
}

void fsq_codes(const kernels::FsqCodes& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    const auto* const q = static_cast<const T*>(p.q);
    parallel_rows(p.pool, p.rows, p.width, [=](std::int64_t row) {
      std::int64_t code = 0;
      for (std::int64_t c = 0; c < p.width; ++c) {
        const kernels::FsqChannel& channel = p.channels[c];
        const double digit = level(static_cast<double>(q[row * p.width + c]) * channel.w, channel) + channel.w;
        code += static_cast<std::int64_t>(digit) * channel.basis;
      }
      p.codes[row] = static_cast<std::int32_t>(code);
    });
  });
}

void fsq_vectors(const kernels::FsqCodes& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    auto* const q = static_cast<T*>(p.q);
    parallel_rows(p.pool, p.rows, p.width, [=](std::int64_t row) {
      for (std::int64_t c = 0; c < p.width; ++c) {
        const kernels::FsqChannel& channel = p.channels[c];
        const std::int64_t digit = p.codes[row] / channel.basis % channel.levels;
        q[row * p.width + c] = static_cast<T>((static_cast<double>(digit) - channel.w) / channel.w);
      }
    });
  });
}

}  // namespace wudao::WUDAO_ISA
