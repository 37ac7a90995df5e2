// Windows of a map as rows of a matrix, some rows and some columns at a time.
#pragma once

#include "wudao/backend/cpu/gemm/plain/simd.h"
#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/kernels/windows.h"

namespace wudao::WUDAO_ISA::gemm {

using kernels::Windows;

constexpr std::int64_t larger(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

// Values [begin, end) of a row.
struct Stretch {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
  Stretch within(Stretch other) const {
    const std::int64_t first = smaller(larger(begin, other.begin), other.end);
    return {first, larger(first, smaller(end, other.end))};
  }
};

// to = max(from, 0); a NaN stays one.
template <class T>
void copy_rectified(const T* from, std::int64_t size, T* to, DType) {
  for_vectors<Vec<T>::kWidth>(0, size, [&](std::int64_t i, auto lanes) {
    const Vec<T> x = Vec<T>::load(from + i, lanes);
    select(x < 0, Vec<T>::splat(0), x).store(to + i, lanes);
  });
}

// The same by bits, for both types of 16, which are kept as whole numbers: a sign, and no more than infinity.
inline void copy_rectified(const std::uint16_t* from, std::int64_t size, std::uint16_t* to, DType dtype) {
  typedef std::uint16_t Bits __attribute__((vector_size(kVectorBytes)));
  typedef std::int16_t Signed __attribute__((vector_size(kVectorBytes)));
  constexpr std::int64_t kLanes = kVectorBytes / 2;
  const std::uint16_t infinity = dtype == DType::kFloat16 ? 0xFC00 : 0xFF80;  // below 0
  std::int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    const Bits x = load<Bits>(from + i);
    store(to + i, x & (Bits)(((Signed)x >= 0) | (x > infinity)));
  }
  for (; i < size; ++i) to[i] = from[i] >= 0x8000 && from[i] <= infinity ? 0 : from[i];
}

// Values of a map as a window sees them.
template <class Element>
void copy_seen(const Windows& w, const Element* from, std::int64_t size, Element* to) {
  if (w.rectified) return copy_rectified(from, size, to, w.dtype);
  __builtin_memcpy(to, from, static_cast<std::size_t>(size) * sizeof(Element));
}

// The values `wanted` of one line of a window, which begins at `line` and of which those of `there` lie in the map.
template <class Element>
Element* gather_line(const Windows& w, const Element* line, Stretch wanted, Stretch there, Element* to) {
  const auto bytes = [](std::int64_t values) { return static_cast<std::size_t>(values) * sizeof(Element); };
  const std::int64_t before = there.begin - wanted.begin, after = wanted.end - there.end;
  if (before > 0) __builtin_memset(to, 0, bytes(before));
  if (there.size() > 0) copy_seen(w, line + there.begin, there.size(), to + before);
  if (after > 0) __builtin_memset(to + before + there.size(), 0, bytes(after));
  return to + wanted.size();
}

// Values `wanted` of the window whose first pixel is (row, col) of a picture.
template <class Element>
void gather_window(const Windows& w, const Element* picture, std::int64_t row, std::int64_t col, Stretch wanted,
                   Element* to) {
  const std::int64_t line = w.across_kernel * w.channels;
  const Stretch inside = Stretch{-col * w.channels, (w.width - col) * w.channels}.within({0, line});
  for (std::int64_t ky = wanted.begin / line; ky * line < wanted.end; ++ky) {
    const Stretch part = Stretch{wanted.begin - ky * line, wanted.end - ky * line}.within({0, line});
    const bool seen = row + ky >= 0 && row + ky < w.height;
    const Stretch there = seen ? inside.within(part) : Stretch{part.end, part.end};
    to = gather_line(w, picture + ((row + ky) * w.width + col) * w.channels, part, there, to);
  }
}

// Where in the map a window is.
struct WindowPlace {
  std::int64_t picture, i, j;

  WindowPlace(const Windows& w, std::int64_t number)
      : picture(number / (w.down * w.across)), i(number / w.across % w.down), j(number % w.across) {}

  void advance(const Windows& w) {
    if (++j < w.across) return;
    j = 0;
    if (++i == w.down) i = 0, ++picture;
  }
};

// to[n, :] = values `wanted` of window first + n.
template <class Element>
void gather_windows(const Windows& w, const Element* map, std::int64_t first, std::int64_t count, Stretch wanted,
                    Element* to) {
  if (wanted.size() == 0) return;
  WindowPlace at(w, first);
  for (std::int64_t n = 0; n < count; ++n, to += wanted.size(), at.advance(w)) {
    gather_window(w, map + at.picture * w.height * w.width * w.channels, at.i * w.stride + w.top,
                  at.j * w.stride + w.left, wanted, to);
  }
}

}  // namespace wudao::WUDAO_ISA::gemm
