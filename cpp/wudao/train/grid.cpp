#include "wudao/train/grid.h"

#include <algorithm>

#include "wudao/comm/self.h"

namespace wudao::train {

Grid Grid::alone() {
  const auto self = comm::make_self();
  return {self, self, self};
}

std::vector<ShardRange> nodes_of(const ShardRange& range, int most) {
  std::vector<ShardRange> nodes;
  const int end = range.first + range.count;
  for (int first = range.first; first < end;) {
    int count = 1;
    while (2 * count <= most && first % (2 * count) == 0 && first + 2 * count <= end) count *= 2;
    nodes.push_back({first, count});
    first += count;
  }
  return nodes;
}

ShardRange shards_of(int shards, int ranks, int first, int members) {
  const auto begin = static_cast<int>(comm::part_of(shards, first, ranks).first);
  const auto end = static_cast<int>(comm::part_of(shards, first + members - 1, ranks).second);
  return {begin, end - begin};
}

std::vector<Pass> passes_of(const Grid& grid, int shards, int micro) {
  const int first = grid.world->rank() - grid.row->rank(), members = grid.row->size();
  std::vector<std::vector<ShardRange>> nodes;
  std::size_t passes = 1;
  for (int r = 0; r < members; ++r) {
    nodes.push_back(nodes_of(shards_of(shards, grid.ranks(), first + r), micro));
    passes = std::max(passes, nodes.back().size());
  }
  std::vector<Pass> out(passes);
  for (std::size_t p = 0; p < passes; ++p) {
    for (const std::vector<ShardRange>& own : nodes) {
      out[p].row.push_back(p < own.size() ? own[p] : ShardRange{0, 0});
    }
    out[p].mine = out[p].row[static_cast<std::size_t>(grid.row->rank())];
  }
  return out;
}

}  // namespace wudao::train
