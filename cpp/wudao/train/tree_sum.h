// Sums over ranks in the tree over virtual shards, whoever had which of them.
#pragma once

#include <vector>

#include "wudao/autograd/gradient.h"
#include "wudao/train/grid.h"

namespace wudao::train {

// What this process has of one sum, for instance of the gradient of one use of a parameter: nodes of the tree.
struct Piece {
  std::size_t at;  // its place among the sums
  Shape shape;
  DType dtype;
  std::int64_t size;
  std::vector<GradientTree::Node> nodes;
};

// The shards of `count` groups of `members` ranks each, the first of which are `first`, first + step, ...
std::vector<ShardRange> shards_of_each(int shards, int ranks, int first, int step, int count, int members);

// Adds each piece, summed over the ranks of `comm`, to sums[piece.at]. The same bits on all of them.
//   shards: of each rank of `comm`
void sum_pieces(Context& ctx, comm::Communicator& comm, const std::vector<ShardRange>& shards,
                std::vector<Piece> pieces, std::vector<Tensor>& sums);

}  // namespace wudao::train
