// Where the codes of a cache lie (kernels/cache.h).
#pragma once

#include "wudao/backend/cpu/gemm/plain/codes.h"
#include "wudao/kernels/cache.h"

namespace wudao::WUDAO_ISA {

constexpr std::int64_t kTokenUnits = kernels::kCacheTokens / kernels::kCacheUnit;  // of values in a block
static_assert(kernels::kCacheTokens % gemm::kCodeCols == 0 && kernels::kCacheColumns % gemm::kCodeCols == 0);

// One head in the block of a token.
struct HeadOfCodes {
  float* key_scales;
  std::uint32_t* keys;
  float* value_scales;
  std::uint32_t* values;

  HeadOfCodes(const kernels::CachedLayer& layer, std::int64_t token, std::int64_t head, std::int64_t heads,
              std::int64_t size) {
    constexpr std::int64_t kScaleBytes = kernels::cache_scale_bytes(DType::kUInt8);
    const std::int64_t key_bytes = kernels::cache_key_bytes(size, DType::kUInt8),
                       value_bytes = kernels::cache_head_bytes(size, DType::kUInt8) - key_bytes;
    std::byte* const block = layer.blocks[token / kernels::kCacheTokens] + layer.first;
    std::byte* const first = block + head * key_bytes;
    std::byte* const second = block + heads * key_bytes + head * value_bytes;
    key_scales = reinterpret_cast<float*>(first);
    keys = reinterpret_cast<std::uint32_t*>(first + kScaleBytes);
    value_scales = reinterpret_cast<float*>(second);
    values = reinterpret_cast<std::uint32_t*>(second + kScaleBytes);
  }
};

// The word with unit `unit`, of `units`, of a column.
constexpr std::int64_t word_of(std::int64_t column, std::int64_t unit, std::int64_t units) {
  return (column / gemm::kCodeCols * units + unit) * gemm::kCodeCols + column % gemm::kCodeCols;
}

}  // namespace wudao::WUDAO_ISA
