// Rows of a table by id, and the gradient of the table.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/kernels/rows.h"

namespace wudao::WUDAO_ISA {
namespace {

constexpr std::int64_t kTableRows = 32;  // rows of the table in a task
constexpr std::int64_t kColumns = 128;   // columns of a task: a frequent id is then the work of several
constexpr int kMaxNodes = 32;            // log2 of the number of shards, and one

// Sorts the rows by id, stably. Afterwards the rows of id v are order[end[v - 1]] .. order[end[v] - 1], end[-1] being 0.
void sort_by_id(const std::int32_t* ids, std::int64_t rows, std::int64_t table_rows, std::int32_t* order, std::int32_t* end) {
  for (std::int64_t v = 0; v <= table_rows; ++v) end[v] = 0;
  for (std::int64_t n = 0; n < rows; ++n) ++end[ids[n] + 1];
  for (std::int64_t v = 1; v <= table_rows; ++v) end[v] += end[v - 1];
  for (std::int64_t n = 0; n < rows; ++n) order[end[ids[n]]++] = static_cast<std::int32_t>(n);
}

template <class T>
void add_row(T* sum, const T* x, std::int64_t size) {
  for_vectors<Vec<T>::kWidth>(0, size, [=](std::int64_t j, auto lanes) {
    (Vec<T>::load(sum + j, lanes) + Vec<T>::load(x + j, lanes)).store(sum + j, lanes);
  });
}

// The sum of one row of the table, for at most kColumns columns: a fixed tree of which only those shards exist that hold
// the id. A shard that does not counts as +0.0, and since every sum here starts from +0.0 and so is never -0.0, adding it
// would change nothing.
template <class T>
class SparseTree {
 public:
  explicit SparseTree(std::int64_t size) : size_(size) {}

  // The sum of a new leaf; shards come in ascending order.
  T* open(std::int64_t shard) {
    while (count_ > 1 && common(shard_[count_ - 2], shard_[count_ - 1]) < common(shard_[count_ - 1], shard)) combine();
    shard_[count_] = shard;
    T* sum = node_[count_++];
    for (std::int64_t j = 0; j < size_; ++j) sum[j] = 0;
    return sum;
  }

  void close(T* y) {
    while (count_ > 1) combine();
    for (std::int64_t j = 0; j < size_; ++j) y[j] = count_ == 0 ? T(0) : node_[0][j];
  }

 private:
  // The height of the lowest node above two different shards.
  static int common(std::int64_t a, std::int64_t b) { return 64 - __builtin_clzll(static_cast<unsigned long long>(a ^ b)); }

  void combine() {
    --count_;
    add_row(node_[count_ - 1], node_[count_], size_);
  }

  std::int64_t size_;
  int count_ = 0;
  std::int64_t shard_[kMaxNodes];
  alignas(64) T node_[kMaxNodes][kColumns];
};

template <class T>
void table_row(const kernels::EmbeddingBackward& p, std::int64_t v, std::int64_t col, std::int64_t size) {
  const std::int32_t *order = p.work, *end = p.work + p.rows;
  const std::int64_t shard_rows = p.rows / p.shards;
  SparseTree<T> tree(size);
  T* sum = nullptr;
  std::int64_t shard_end = 0;
  for (std::int32_t i = v == 0 ? 0 : end[v - 1]; i < end[v]; ++i) {
    const std::int64_t n = order[i];
    if (n >= shard_end) {
      sum = tree.open(n / shard_rows);
      shard_end = (n / shard_rows + 1) * shard_rows;
    }
    add_row(sum, static_cast<const T*>(p.dy) + n * p.cols + col, size);
  }
  tree.close(static_cast<T*>(p.dtable) + v * p.cols + col);
}

template <class T>
void backward(const kernels::EmbeddingBackward& p) {
  const std::int64_t across = (p.cols + kColumns - 1) / kColumns, down = (p.table_rows + kTableRows - 1) / kTableRows;
  parallel_for(p.pool, across * down, [&](std::int64_t task) {
    const std::int64_t col = task % across * kColumns, first = task / across * kTableRows;
    const std::int64_t size = p.cols - col < kColumns ? p.cols - col : kColumns;
    for (std::int64_t v = first; v < first + kTableRows && v < p.table_rows; ++v) table_row<T>(p, v, col, size);
  });
}

}  // namespace

void embedding_forward(const kernels::EmbeddingForward& p) {
  const std::int64_t bytes = p.cols * static_cast<std::int64_t>(size_of(p.dtype));
  parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t n) {
    __builtin_memcpy(static_cast<char*>(p.y) + n * bytes, static_cast<const char*>(p.table) + p.ids[n] * bytes,
                     static_cast<std::size_t>(bytes));
  });
}

void embedding_backward(const kernels::EmbeddingBackward& p) {
  sort_by_id(p.ids, p.rows, p.table_rows, p.work, p.work + p.rows);
  with_accumulator(p.dtype, [&]<class T>(Type<T>) { backward<T>(p); });
}

}  // namespace wudao::WUDAO_ISA
