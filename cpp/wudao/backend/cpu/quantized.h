// Weights as integer codes in the order in which products read them: made when first needed, kept beside the storage of
// what they are made from.
#pragma once

#include <cstdint>

#include "wudao/base/philox.h"
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
  philox::Key rounding = {};  // codes of another one are out of date
};

// What the codes are made from: a weight that has been quantised, or the rows or columns of a float one.
enum class CodesOf : int { kQuantized, kRows, kColumns };

// Pieces of `weight`, packed now if they are missing, out of date, or of another layout.
const char* packed_codes(PackedForms& forms, CodesOf of, const CodesLayout& layout, const void* weight,
                         ThreadPool& pool);

}  // namespace wudao::cpu
