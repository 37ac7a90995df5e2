// The fixed tree over S shards, S a power of two: tree(a, n) = tree(first half) + tree(second half).
// Every gradient is summed in this shape, so an aligned group of shards that was summed elsewhere (in another
// micro-batch, on another rank) is a node of the same tree, and the bits come out the same.
#pragma once

#include <cstdint>

#include "wudao/base/philox.h"

namespace wudao::WUDAO_ISA {

// Sums all shards in place: add(into, from) adds node `from` to node `into`; the root ends up in node 0.
template <class Add>
WUDAO_INLINE void shard_tree(std::int64_t shards, Add add) {
  for (std::int64_t step = 1; step < shards; step *= 2) {
    for (std::int64_t s = 0; s < shards; s += 2 * step) add(s, s + step);
  }
}

// The same tree with shards coming one after the other, in log2(S) + 1 slots: before shard s is added, one node waits
// for every bit set in s. The shard's own sum belongs into slot leaf_slot(s).
WUDAO_INLINE int leaf_slot(std::int64_t shard) { return __builtin_popcountll(static_cast<unsigned long long>(shard)); }

// Combines what shard `shard`, now in its slot, completes. After the last shard the root is in slot 0.
template <class Add>
WUDAO_INLINE void close_leaf(std::int64_t shard, Add add) {
  for (int slot = leaf_slot(shard); shard & 1; shard >>= 1, --slot) add(slot - 1, slot);
}

}  // namespace wudao::WUDAO_ISA
