// The codes of a quantised weight in the order in which products read them: made when first needed, kept beside the
// storage of the codes.
#pragma once

#include <cstdint>

#include "wudao/tensor/packed.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::cpu {

// How the kernels of one instruction set lay codes out: `slivers` pieces of `sliver_bytes`, each filled by itself.
struct CodesLayout {
  const void* kernels;  // whose layout it is
  std::int64_t slivers, sliver_bytes;
  void (*fill)(const void* weight, std::int64_t sliver, char* to);
};

// Pieces of `weight`, packed now if they are missing or of another layout.
const char* packed_codes(PackedForms& forms, const CodesLayout& layout, const void* weight, ThreadPool& pool);

}  // namespace wudao::cpu
