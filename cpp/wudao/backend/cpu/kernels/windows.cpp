// Windows of a map as rows of a matrix, and back.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/kernels/maps.h"

namespace wudao::WUDAO_ISA {
namespace {

using kernels::Windows;

std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
std::int64_t most(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

// One line of a window: `kernel` pixels from (line, first) on, which lie next to each other in the map.
void gather_line(const Windows& w, const char* picture, std::int64_t line, std::int64_t first, std::int64_t pixel_bytes,
                 char* to) {
  const auto bytes = [&](std::int64_t pixels) { return static_cast<std::size_t>(pixels * pixel_bytes); };
  const std::int64_t begin = most(0, -first), end = least(w.kernel, w.width - first);
  if (line < 0 || line >= w.height || begin >= end) {
    __builtin_memset(to, 0, bytes(w.kernel));
    return;
  }
  __builtin_memset(to, 0, bytes(begin));
  __builtin_memcpy(to + begin * pixel_bytes, picture + (line * w.width + first + begin) * pixel_bytes, bytes(end - begin));
  __builtin_memset(to + end * pixel_bytes, 0, bytes(w.kernel - end));
}

// What one pixel gets from line `ky` of the windows that see it.
template <class T, class S>
void add_line(const Windows& w, const S* rows, std::int64_t picture, std::int64_t i, std::int64_t ky, std::int64_t col,
              std::int64_t c, auto lanes, Vec<T>& sum) {
  for (std::int64_t kx = 0; kx < w.kernel; ++kx) {
    const std::int64_t at = col + w.padding - kx;
    if (at < 0 || at % w.stride != 0 || at / w.stride >= w.across) continue;
    const std::int64_t window = (picture * w.down + i) * w.across + at / w.stride;
    sum += Vec<T>::load(rows + window * w.row() + (ky * w.kernel + kx) * w.channels + c, lanes);
  }
}

template <class T, class S, class Y>
void add_pixel(const kernels::AddWindows& p, std::int64_t picture, std::int64_t line, std::int64_t col) {
  const Windows& w = p.windows;
  const auto* bias = static_cast<const T*>(p.bias);
  Y* const y = static_cast<Y*>(p.y) + ((picture * w.height + line) * w.width + col) * w.channels;
  for_vectors<Vec<T>::kWidth>(0, w.channels, [&](std::int64_t c, auto lanes) {
    Vec<T> sum = bias == nullptr ? Vec<T>::splat(0) : Vec<T>::load(bias + c, lanes);
    for (std::int64_t ky = 0; ky < w.kernel; ++ky) {
      const std::int64_t at = line + w.padding - ky;
      if (at < 0 || at % w.stride != 0 || at / w.stride >= w.down) continue;
      add_line<T>(w, static_cast<const S*>(p.rows), picture, at / w.stride, ky, col, c, lanes, sum);
    }
    sum.store(y + c, lanes);
  });
}

template <class T, class S, class Y>
void add_all(const kernels::AddWindows& p) {
  const Windows& w = p.windows;
  parallel_rows(p.pool, w.batch * w.height, w.width * w.channels * w.kernel, [&](std::int64_t row) {
    for (std::int64_t col = 0; col < w.width; ++col) add_pixel<T, S, Y>(p, row / w.height, row % w.height, col);
  });
}

}  // namespace

void gather_windows(const kernels::GatherWindows& p) {
  const Windows& w = p.windows;
  const auto pixel_bytes = w.channels * static_cast<std::int64_t>(size_of(p.dtype));
  parallel_rows(p.pool, w.count(), w.row(), [&](std::int64_t window) {
    const std::int64_t picture = window / (w.down * w.across), i = window / w.across % w.down, j = window % w.across;
    const char* const from = static_cast<const char*>(p.x) + picture * w.height * w.width * pixel_bytes;
    char* const to = static_cast<char*>(p.rows) + window * w.kernel * w.kernel * pixel_bytes;
    for (std::int64_t ky = 0; ky < w.kernel; ++ky) {
      gather_line(w, from, i * w.stride - w.padding + ky, j * w.stride - w.padding, pixel_bytes,
                  to + ky * w.kernel * pixel_bytes);
    }
  });
}

void add_windows(const kernels::AddWindows& p) {
  with_type(p.rows_type, [&]<class S>(Type<S>) {
    using T = Accumulator<S>;
    with_type_like<T>(p.y_type, [&]<class Y>(Type<Y>) { add_all<T, S, Y>(p); });
  });
}

}  // namespace wudao::WUDAO_ISA
