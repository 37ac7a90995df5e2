// Normal numbers from Philox: everything is forced inline, as there.
#pragma once

#include "wudao/base/philox.h"

namespace wudao::philox {

// N(0, 1) as number `index` of a stream, from its words 2 index and 2 index + 1 (Box and Muller 1958). Only products of
// doubles and the C library: no CPU level rounds them otherwise than another.
WUDAO_INLINE double normal_at(const Key& key, std::uint64_t index) {
  const Words words = draw(key, index / 2);
  const int first = static_cast<int>(index % 2) * 2;
  const double radius = (static_cast<double>(words.v[first]) + 1.0) * 0x1p-32;
  const double angle = static_cast<double>(words.v[first + 1]) * 0x1p-32;
  return __builtin_sqrt(-2.0 * __builtin_log(radius)) * __builtin_cos(6.283185307179586 * angle);
}

}  // namespace wudao::philox
