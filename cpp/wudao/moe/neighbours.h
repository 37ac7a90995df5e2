// Ranks in supernodes: rank = supernode * slots + slot.
#pragma once

#include "wudao/moe/plan.h"

namespace wudao::moe {

// One rank's view. All ranks together may be one supernode.
struct Neighbours {
  int slots, supernodes, slot, supernode;

  int ranks() const { return slots * supernodes; }
  int rank(int g, int s) const { return g * slots + s; }
  int across(int g) const { return rank(g, slot); }  // this rank's slot in supernode g
  // Experts [first, second) of slot s of this supernode; of all slots of supernode g; of all slots of this one.
  std::pair<std::int64_t, std::int64_t> experts_of_slot(std::int64_t experts, int s) const {
    return experts_of(experts, rank(supernode, s), ranks());
  }
  std::pair<std::int64_t, std::int64_t> experts_of_supernode(std::int64_t experts, int g) const {
    return {experts_of(experts, rank(g, 0), ranks()).first, experts_of(experts, rank(g, slots - 1), ranks()).second};
  }
  std::pair<std::int64_t, std::int64_t> experts_here(std::int64_t experts) const {
    return experts_of_supernode(experts, supernode);
  }
};

}  // namespace wudao::moe
