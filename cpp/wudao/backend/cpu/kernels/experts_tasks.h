// Uneven batches of rows as one list of tasks, so that the pool is started once for all experts.
#pragma once

#include "wudao/backend/cpu/kernels/linear_tiles.h"

namespace wudao::WUDAO_ISA {

// Fills ends (experts + 1,): the tasks of expert e are [ends[e], ends[e + 1]). Returns how many there are.
template <class Count>
std::int64_t plan_tasks(std::int64_t experts, const std::int64_t* begin, std::int64_t* ends, Count&& count) {
  ends[0] = 0;
  for (std::int64_t e = 0; e < experts; ++e) {
    const std::int64_t rows = begin[e + 1] - begin[e];
    ends[e + 1] = ends[e] + (rows == 0 ? 0 : count(rows));
  }
  return ends[experts];
}

// The expert that a task belongs to.
inline std::int64_t expert_of(const std::int64_t* ends, std::int64_t experts, std::int64_t task) {
  std::int64_t low = 0, high = experts;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (ends[middle] <= task ? low : high) = middle;
  }
  return low;
}

// Packs the weights of all experts that have rows; a second call finds them packed.
inline void pack_experts(PackedForms* forms, cpu::WeightUse use, const void* weights, std::int64_t experts,
                         const std::int64_t* begin, std::int64_t in, std::int64_t out, DType compute,
                         ThreadPool* pool) {
  const auto bytes = out * in * static_cast<std::int64_t>(size_of(accumulator_of(compute)));
  parallel_for(pool, experts, [&](std::int64_t e) {
    if (begin[e] == begin[e + 1]) return;
    const cpu::Weight weight = {static_cast<const char*>(weights) + e * bytes, out, in, compute};
    cpu::packed_weight(plain_gemm, forms[e], use, weight, *pool);
  });
}

}  // namespace wudao::WUDAO_ISA
