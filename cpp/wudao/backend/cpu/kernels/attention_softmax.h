// The online softmax of a strip of queries: what its scores are measured against, block of keys after block.
#pragma once

#include <cmath>

#include "wudao/backend/cpu/kernels/attention.h"

namespace wudao::WUDAO_ISA {

// The score of a key that is not seen.
template <class T>
constexpr T nothing() {
  return -static_cast<T>(HUGE_VAL);
}

// What a strip is measured against: its new largest scores, and by how much sums so far shrink.
template <class T>
struct Scale {
  alignas(64) T reference[kStrip], factor[kStrip];
};

// Takes the largest scores of a block into account. A query that has seen nothing yet is measured against 0.
template <class T>
void raise(T* largest, const T* block, std::int64_t rows, Scale<T>& scale) {
  for_vectors<Vec<T>::kWidth>(0, rows, [&](std::int64_t r, auto lanes) {
    const Vec<T> before = Vec<T>::load(largest + r, lanes), after = larger_of(Vec<T>::load(block + r, lanes), before);
    const Vec<T> reference = select(after == nothing<T>(), Vec<T>::splat(0), after);
    after.store(largest + r, lanes);
    reference.store(scale.reference + r, lanes);
    exp(before - reference).store(scale.factor + r, lanes);
  });
}

}  // namespace wudao::WUDAO_ISA
