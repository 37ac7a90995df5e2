// The packed forms of a weight: made when first needed, kept beside its storage until the values change.
#pragma once

#include <cstdint>

#include "wudao/backend/cpu/gemm/packed.h"
#include "wudao/tensor/packed.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::cpu {

enum class WeightUse : int {
  kForward,   // B = W^T (in x out):  y = x W^T
  kBackward,  // B = W (out x in):    dx = dy W
};

// A weight of `out` rows and `in` columns, of the accumulator type of `compute`.
struct Weight {
  const void* data;
  std::int64_t out, in;
  DType compute;
};

// The weight as the second factor of a product.
inline gemm::Operand operand_of(WeightUse use, const Weight& w) {
  const DType type = accumulator_of(w.compute);
  if (use == WeightUse::kForward) return {w.data, type, w.in, w.out, 1, w.in};
  return {w.data, type, w.out, w.in, w.in, 1};
}

// The form of a weight that `kernels` read, packed now if it is missing or out of date.
const gemm::PackedB& packed_weight(const gemm::plain::Kernels& kernels, PackedForms& forms, WeightUse use,
                                   const Weight& weight, ThreadPool& pool);

// Rows of a product that make one task: enough to use a panel well, few enough to give every thread some tasks.
constexpr std::int64_t product_tile_rows(std::int64_t rows) { return rows >= 512 ? 128 : 64; }

}  // namespace wudao::cpu
