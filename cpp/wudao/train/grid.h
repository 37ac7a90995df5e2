// Which rank does what: MoDa, experts in parallel times data in parallel (Ma et al. 2022, BaGuaLu).
//
// Ranks form a grid. A row holds one set of all experts, shared out over its ranks; a column has the ranks that hold
// the same experts. Every rank takes some of the virtual shards of a batch, a row consecutive ones.
//
//   2 x 2, V = 8, E = 4      column 0              column 1
//   row 0                    rank 0: shards 0, 1   rank 1: shards 2, 3      exchange of rows within a row
//   row 1                    rank 2: shards 4, 5   rank 3: shards 6, 7      sums of experts' gradients within a column,
//                            experts 0, 1          experts 2, 3             of all others over all ranks
#pragma once

#include <memory>
#include <vector>

#include "wudao/comm/communicator.h"

namespace wudao::train {

struct Grid {
  std::shared_ptr<comm::Communicator> world, row, column;  // ranks of `world` lie row after row

  static Grid alone();
  int ranks() const { return world->size(); }
};

// What the ranks of this row do at a time: the shards of each of them; a rank that has none is there all the same.
struct Pass {
  ShardRange mine;
  std::vector<ShardRange> row;
};

// The aligned powers of two, of at most `most` shards, that [range.first, range.first + range.count) falls into.
std::vector<ShardRange> nodes_of(const ShardRange& range, int most);

// Shards [r V / R, (r + 1) V / R) are rank r's; `members` consecutive ranks from `first` on have theirs together.
ShardRange shards_of(int shards, int ranks, int first, int members = 1);

// At least one pass, at most `micro` shards of a rank in each.
std::vector<Pass> passes_of(const Grid& grid, int shards, int micro);

}  // namespace wudao::train
