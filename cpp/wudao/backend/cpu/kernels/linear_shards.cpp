#include "wudao/backend/cpu/kernels/linear_shards.h"

#include "wudao/backend/cpu/gemm/plain/window_product.h"
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"
#include "wudao/backend/cpu/kernels/shard_tree.h"
#include "wudao/backend/cpu/simd/stream.h"
#include "wudao/backend/cpu/workspace.h"
#include "wudao/base/thread_pool.h"

namespace wudao::WUDAO_ISA {
namespace {

struct Tile {
  std::int64_t row, rows, col, cols;
};

// The nodes of one tile's tree, each (tile.rows, tile.cols). They always lie in work space while they are added to: the
// matrix library may order its sums by the row stride of the result.
template <class T>
struct Nodes {
  T* first;
  std::int64_t size;
  T* operator[](int slot) const { return first + slot * size; }
};

int bits(std::int64_t value) { return value > 0 ? 64 - __builtin_clzll(static_cast<unsigned long long>(value)) : 0; }

// How many nodes wait after `closed` whole shards, with the open one.
int waiting_nodes(std::int64_t closed, bool open) { return leaf_slot(closed) + (open ? 1 : 0); }

// What a portion does to the tree: nodes `lowest` and up change; `before` of them wait when it begins, `after` at its
// end.
struct Course {
  int lowest, before, after;
};

Course course_of(const ShardProduct& p) {
  Course course = {waiting_nodes(p.closed, false), waiting_nodes(p.closed, p.open), 0};
  std::int64_t closed = p.closed;
  for (int i = 0; i < p.count; ++i) {
    if (!p.parts[i].closes) continue;
    const int left = waiting_nodes(++closed, false);
    course.lowest = left - 1 < course.lowest ? left - 1 : course.lowest;
  }
  course.after = waiting_nodes(closed, p.count > 0 ? !p.parts[p.count - 1].closes : p.open);
  return course;
}

template <class T>
T* place_of(const ShardProduct& p, const Tile& tile, void* whole) {
  return static_cast<T*>(whole) + tile.row * p.n + tile.col;
}

template <class T>
void load_tile(const ShardProduct& p, const Tile& tile, T* node, void* whole) {
  const T* const there = place_of<T>(p, tile, whole);
  for (std::int64_t i = 0; i < tile.rows; ++i)
    __builtin_memcpy(node + i * tile.cols, there + i * p.n, static_cast<std::size_t>(tile.cols) * sizeof(T));
}

template <class T>
void store_turned(const ShardProduct& p, const Tile& tile, const T* node, void* whole) {
  T* const there = static_cast<T*>(whole) + tile.col * p.m + tile.row;
  for (std::int64_t j = 0; j < tile.cols; ++j) {
    for (std::int64_t i = 0; i < tile.rows; ++i) there[j * p.m + i] = node[i * tile.cols + j];
  }
}

template <class T>
void store_tile(const ShardProduct& p, const Tile& tile, const T* node, void* whole) {
  if (p.turned) return store_turned(p, tile, node, whole);
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  T* const there = place_of<T>(p, tile, whole);
  const std::int64_t bytes = tile.cols * kSize;
  const bool stream = p.stream && can_stream(there, p.n * kSize) && can_stream(there, bytes);
  for (std::int64_t i = 0; i < tile.rows; ++i) {
    if (stream)
      stream_row(there + i * p.n, node + i * tile.cols, bytes);
    else
      __builtin_memcpy(there + i * p.n, node + i * tile.cols, static_cast<std::size_t>(bytes));
  }
  if (stream) end_stream();
}

// node (+)= left^T right over the rows of this part.
template <class T>
void add_part(const ShardProduct& p, const ShardRows& part, const Tile& tile, T* node) {
  if (part.rows == 0) {
    if (part.opens) clear_row(node, tile.rows * tile.cols);
    return;
  }
  const cpu::gemm::Operand left = {
      element(part.left, p.compute, tile.row), p.compute, tile.rows, part.rows, 1, p.left_stride};
  const cpu::gemm::Result result = {node, tile.cols, !part.opens};
  if (p.windows != nullptr) {
    void* const work = cpu::workspace(cpu::Workspace::kPacked, sizeof(gemm::Work));
    return gemm::multiply_windows(left, *p.windows, part.right, part.window, tile.col, tile.cols, result, work);
  }
  const cpu::gemm::Operand right = {
      element(part.right, p.compute, tile.col), p.compute, part.rows, tile.cols, p.right_stride, 1};
  cpu::gemm::provider().multiply(left, right, result);
}

template <class T>
void make_tile(const ShardProduct& p, const Course& course, const Tile& tile) {
  const std::int64_t size = tile.rows * tile.cols, slots = bits(p.closed + p.count) + 1;
  const Nodes<T> nodes = {
      static_cast<T*>(cpu::workspace(cpu::Workspace::kTile, slots * size * static_cast<std::int64_t>(sizeof(T)))),
      size};
  for (int slot = course.lowest; slot < course.before; ++slot) load_tile(p, tile, nodes[slot], p.nodes[slot]);
  std::int64_t closed = p.closed;
  for (int i = 0; i < p.count; ++i) {
    add_part(p, p.parts[i], tile, nodes[leaf_slot(closed)]);
    if (p.parts[i].closes) close_leaf(closed++, [&](int into, int from) { add_row(nodes[into], nodes[from], size); });
  }
  for (int slot = course.lowest; slot < course.after; ++slot) store_tile(p, tile, nodes[slot], p.nodes[slot]);
}

constexpr std::int64_t kMostValues = 768 * 256;  // of a tile

struct TileShape {
  std::int64_t rows, cols;
};

std::int64_t tasks_of(const ShardProduct& p, const TileShape& tile) {
  return ((p.m + tile.rows - 1) / tile.rows) * ((p.n + tile.cols - 1) / tile.cols);
}

// Time of the busiest thread, in products of one row by one column and K = 1: a tile packs its rows and its columns,
// and packing a number takes as long as 16 products.
double time_of(const ShardProduct& p, const TileShape& tile) {
  constexpr double kPacking = 16;
  const double rows = static_cast<double>(smaller(tile.rows, p.m)), cols = static_cast<double>(smaller(tile.cols, p.n));
  const std::int64_t threads = p.pool->size(), turns = (tasks_of(p, tile) + threads - 1) / threads;
  return static_cast<double>(turns) * (rows * cols + kPacking * (rows + cols));
}

// The best cut for this size and number of threads; it never shows in the bits. A tile of float32 is 768 KiB at most:
// it streams through the second-level cache once per block of K. Where rows are few, wide tiles pack them less often.
TileShape tile_shape(const ShardProduct& p) {
  TileShape best = {96, 64};
  for (std::int64_t rows : {768, 384, 288, 192, 96}) {
    for (std::int64_t cols : {512, 320, 256, 128, 64}) {
      if (smaller(rows, p.m) * cols > kMostValues) continue;
      if (time_of(p, {rows, cols}) < time_of(p, best)) best = {rows, cols};
    }
  }
  return best;
}

}  // namespace

int nodes_in_memory(const ShardProduct& p) {
  const Course course = course_of(p);
  return course.before > course.after ? course.before : course.after;
}

void shard_product(const ShardProduct& p) {
  const Course course = course_of(p);
  const TileShape shape = tile_shape(p);
  const std::int64_t across = (p.n + shape.cols - 1) / shape.cols;
  parallel_for(p.pool, tasks_of(p, shape), [&](std::int64_t task) {
    const std::int64_t row = task / across * shape.rows, col = task % across * shape.cols;
    const Tile tile = {row, smaller(shape.rows, p.m - row), col, smaller(shape.cols, p.n - col)};
    if (p.compute == DType::kFloat64) return make_tile<double>(p, course, tile);
    make_tile<float>(p, course, tile);
  });
}

}  // namespace wudao::WUDAO_ISA
