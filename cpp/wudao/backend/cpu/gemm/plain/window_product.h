// A product whose second factor is the windows of a map, packed straight from there.
#pragma once

#include "wudao/backend/cpu/gemm/plain/blocks.h"
#include "wudao/backend/cpu/gemm/plain/windows.h"

namespace wudao::WUDAO_ISA::gemm {

// Values of some windows: those of window first + k are row k of a matrix.
template <class Element>
struct WindowRows {
  const Windows& windows;
  const Element* map;
  std::int64_t first;
};

// Where the columns `wanted`, a sliver of them or fewer, of a window lie: in the map if they do so side by side, as
// they are seen, else they are brought to `spare`.
template <class Element>
const Element* values_of(const WindowRows<Element>& x, const WindowPlace& at, Stretch wanted, std::int64_t sliver,
                         std::int64_t ky, Element* spare) {
  const Windows& w = x.windows;
  const std::int64_t line = w.across_kernel * w.channels, row = at.i * w.stride + w.top, col = at.j * w.stride + w.left;
  const Element* const picture = x.map + at.picture * w.height * w.width * w.channels;
  const std::int64_t begin = wanted.begin - ky * line, end = begin + sliver;
  const bool whole = !w.rectified && wanted.size() == sliver && end <= line && row + ky >= 0 && row + ky < w.height &&
                     begin + col * w.channels >= 0 && end + col * w.channels <= w.width * w.channels;
  if (whole) return picture + ((row + ky) * w.width + col) * w.channels + begin;
  gather_window(w, picture, row, col, wanted, spare);
  return spare;
}

// One sliver of columns of `depth` rows of B from row k on.
template <class Kind, class From>
void pack_sliver_of_windows(const WindowRows<typename From::Element>& x, std::int64_t k, std::int64_t depth,
                            Stretch wanted, typename Kind::Unit* out) {
  using Element = typename From::Element;
  alignas(64) Element spare[Kind::kDepth][kSliver<Kind>] = {}, nothing[kSliver<Kind>] = {};
  const std::int64_t ky = wanted.begin / (x.windows.across_kernel * x.windows.channels);
  WindowPlace at(x.windows, x.first + k);
  for (std::int64_t u = 0; u < depth; u += Kind::kDepth, out += kSliver<Kind>) {
    const Element* rows[Kind::kDepth];
    for (int d = 0; d < Kind::kDepth; ++d) {
      rows[d] = u + d < depth ? values_of(x, at, wanted, kSliver<Kind>, ky, spare[d]) : nothing;
      at.advance(x.windows);
    }
#pragma GCC unroll 4
    for (int v = 0; v < kColVectors; v += 2) {
      pack_two<Kind, From>(rows[0] + v * kWidth<Kind>, rows[Kind::kDepth - 1] - rows[0], out + v * kWidth<Kind>);
    }
  }
}

// C (+)= A B: B has the columns [col, col + cols) of the windows.
template <class Kind, class From>
void multiply_windows_of(const cpu::gemm::Operand& a, const WindowRows<typename From::Element>& b, std::int64_t col,
                         std::int64_t cols, const cpu::gemm::Result& c, Work& work) {
  multiply_blocks<Kind, From>(a, cols, c, work, [&](auto k, auto depth, auto j, auto width, auto* to) {
    for (std::int64_t s = 0; s < width; s += kSliver<Kind>, to += units_of<Kind>(depth) * kSliver<Kind>) {
      const std::int64_t begin = col + j + s;
      pack_sliver_of_windows<Kind, From>(b, k, depth, {begin, begin + smaller(kSliver<Kind>, width - s)}, to);
    }
  });
}

// C (+)= A B, B being the columns [col, col + cols) of windows of `map`, from window `first` on.
inline void multiply_windows(const cpu::gemm::Operand& a, const Windows& w, const void* map, std::int64_t first,
                             std::int64_t col, std::int64_t cols, const cpu::gemm::Result& c, void* memory) {
  Work& work = *static_cast<Work*>(memory);
  const auto* const bits = static_cast<const std::uint16_t*>(map);
  if (a.dtype == DType::kFloat64)
    return multiply_windows_of<F64, AsIs<F64>>(a, {w, static_cast<const double*>(map), first}, col, cols, c, work);
  if (a.dtype == DType::kFloat32)
    return multiply_windows_of<F32, AsIs<F32>>(a, {w, static_cast<const float*>(map), first}, col, cols, c, work);
  if (a.dtype == DType::kFloat16)
    return multiply_windows_of<F32, WidenedHalf>(a, {w, bits, first}, col, cols, c, work);
  multiply_windows_of<Bf16, FromBf16>(a, {w, bits, first}, col, cols, c, work);
}

}  // namespace wudao::WUDAO_ISA::gemm
