#include "wudao/backend/cpu/kernels/linear_shards.h"

#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"

namespace wudao::WUDAO_ISA {
namespace {

// A tile of float32 is 256 KiB: two of them and the operands of one product stay in a core's second-level cache.
constexpr std::int64_t kTileRows = 256, kTileCols = 256;
constexpr int kMaxNodes = 64;

struct Tile {
  std::int64_t row, rows, col, cols;
};

// The waiting nodes of one tile's tree, oldest first.
template <class T>
struct Nodes {
  T* data[kMaxNodes];
  std::int64_t stride[kMaxNodes];
  int depth;
};

int bits(std::int64_t value) { return value > 0 ? 64 - __builtin_clzll(static_cast<unsigned long long>(value)) : 0; }

// How many nodes wait after `closed` whole shards, plus the open one.
int waiting_nodes(std::int64_t closed, bool open) {
  return __builtin_popcountll(static_cast<unsigned long long>(closed)) + (open ? 1 : 0);
}

// Nodes that live before or after this portion lie in memory, those that come and go within it in work space.
template <class T>
Nodes<T> place_nodes(const ShardProduct& p, const Tile& tile) {
  Nodes<T> nodes;
  const int stored = nodes_in_memory(p), all = bits(p.closed + p.count) + 1;
  const std::int64_t size = tile.rows * tile.cols;
  auto* work = static_cast<T*>(cpu::workspace(cpu::Workspace::kNodes, all * size * static_cast<std::int64_t>(sizeof(T))));
  for (int i = 0; i < all || i < stored; ++i) {
    const bool memory = i < stored;
    nodes.data[i] = memory ? static_cast<T*>(p.nodes[i]) + tile.row * p.n + tile.col : work + i * size;
    nodes.stride[i] = memory ? p.n : tile.cols;
  }
  nodes.depth = waiting_nodes(p.closed, p.open);
  return nodes;
}

// The newest node: (+)= left^T right over the rows of this part.
template <class T>
void add_part(const ShardProduct& p, const ShardRows& part, const Tile& tile, Nodes<T>& nodes) {
  if (part.opens) ++nodes.depth;
  T* node = nodes.data[nodes.depth - 1];
  const std::int64_t stride = nodes.stride[nodes.depth - 1];
  if (part.rows == 0) {
    for (std::int64_t i = 0; part.opens && i < tile.rows; ++i) clear_row(node + i * stride, tile.cols);
    return;
  }
  const cpu::gemm::Operand left = {element(part.left, p.compute, tile.row), p.compute, tile.rows, part.rows, 1, p.left_stride};
  const cpu::gemm::Operand right = {element(part.right, p.compute, tile.col), p.compute, part.rows, tile.cols, p.right_stride, 1};
  cpu::gemm::provider().multiply(left, right, {node, stride, !part.opens});
}

// Adds the newest node to the one before it.
template <class T>
void join(Nodes<T>& nodes, const Tile& tile) {
  const int last = --nodes.depth;
  for (std::int64_t i = 0; i < tile.rows; ++i) {
    add_row(nodes.data[last - 1] + i * nodes.stride[last - 1], nodes.data[last] + i * nodes.stride[last], tile.cols);
  }
}

template <class T>
void make_tile(const ShardProduct& p, const Tile& tile) {
  Nodes<T> nodes = place_nodes<T>(p, tile);
  std::int64_t closed = p.closed;
  for (int i = 0; i < p.count; ++i) {
    add_part(p, p.parts[i], tile, nodes);
    if (!p.parts[i].closes) continue;
    // Shard number `closed` completes a subtree for every trailing zero of the new count.
    for (std::int64_t whole = ++closed; whole % 2 == 0; whole /= 2) join(nodes, tile);
  }
}

}  // namespace

int nodes_in_memory(const ShardProduct& p) {
  std::int64_t closed = p.closed;
  for (int i = 0; i < p.count; ++i) closed += p.parts[i].closes ? 1 : 0;
  const int before = waiting_nodes(p.closed, p.open);
  const int after = waiting_nodes(closed, p.count > 0 ? !p.parts[p.count - 1].closes : p.open);
  return before > after ? before : after;
}

void shard_product(const ShardProduct& p) {
  const std::int64_t across = (p.n + kTileCols - 1) / kTileCols, down = (p.m + kTileRows - 1) / kTileRows;
  p.pool->for_each(down * across, [&](std::int64_t task, int) {
    const std::int64_t row = task / across * kTileRows, col = task % across * kTileCols;
    const Tile tile = {row, smaller(kTileRows, p.m - row), col, smaller(kTileCols, p.n - col)};
    if (p.compute == DType::kFloat64) return make_tile<double>(p, tile);
    make_tile<float>(p, tile);
  });
}

}  // namespace wudao::WUDAO_ISA
