// Work space of the calling thread: one growing buffer per slot, kept until the thread ends.
#pragma once

#include <cstdint>

namespace wudao::cpu {

// Uses that may be alive at the same time in one thread have slots of their own.
enum class Workspace : int {
  kTile,       // a tile of a product, or the tiles of its tree over shards
  kParts,      // the list of what a sum over shards adds
  kAttention,  // all that one attention task holds
  kWidenedA,   // operands of a product in float32, for a library that has no bfloat16
  kWidenedB,
  kDenseA,  // operands and result of a product without gaps or padded, for a library that wants them so
  kDenseB,
  kDenseC,
  kPacked,   // packed blocks of the plain product
  kPanel,    // a packed panel that one task uses
  kWindows,    // windows of a map, gathered for a block of a product
  kLibrary,  // the matrix library's own
  kCount,
};

// At least `bytes` bytes, 64-byte aligned. The contents survive until a larger request for the same slot.
void* workspace(Workspace slot, std::int64_t bytes);

}  // namespace wudao::cpu
