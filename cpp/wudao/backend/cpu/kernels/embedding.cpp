// Rows of a table by id, and the gradient of the table.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/kernels/rows.h"

namespace wudao::WUDAO_ISA {
namespace {

constexpr std::int64_t kTableRows = 32;  // rows of the table in a task
constexpr std::int64_t kColumns = 256;   // columns of a task: a frequent id is then the work of several
constexpr int kMaxNodes = 32;            // log2 of the number of shards, and one

// Sorts the rows by id, stably. Afterwards the rows of id v are order[end[v - 1]] .. order[end[v] - 1]; of id 0, from
// order[0] on.
void sort_by_id(const std::int32_t* ids, std::int64_t rows, std::int64_t table_rows, std::int32_t* order,
                std::int32_t* end) {
  for (std::int64_t v = 0; v <= table_rows; ++v) end[v] = 0;
  for (std::int64_t n = 0; n < rows; ++n) ++end[ids[n] + 1];
  for (std::int64_t v = 1; v <= table_rows; ++v) end[v] += end[v - 1];
  for (std::int64_t n = 0; n < rows; ++n) order[end[ids[n]]++] = static_cast<std::int32_t>(n);
}

// y = a + b
template <class T>
void add_rows(const T* a, const T* b, T* y, std::int64_t size) {
  for_vectors<Vec<T>::kWidth>(0, size, [=](std::int64_t j, auto lanes) {
    (Vec<T>::load(a + j, lanes) + Vec<T>::load(b + j, lanes)).store(y + j, lanes);
  });
}

// y = 0 + x, which turns -0.0 into +0.0
template <class T>
void start_row(const T* x, T* y, std::int64_t size) {
  for_vectors<Vec<T>::kWidth>(
      0, size, [=](std::int64_t j, auto lanes) { (Vec<T>::load(x + j, lanes) + T(0)).store(y + j, lanes); });
}

// y = factor y
template <class T>
void multiply_row(T* y, T factor, std::int64_t size) {
  for_vectors<Vec<T>::kWidth>(
      0, size, [=](std::int64_t j, auto lanes) { (Vec<T>::load(y + j, lanes) * factor).store(y + j, lanes); });
}

// The sum of one row of the table, for at most kColumns columns: a fixed tree of which only those shards exist that
// hold the id. A shard that does not counts as +0.0, and since every sum here starts from +0.0 and so is never -0.0,
// adding it would change nothing.
template <class T>
class SparseTree {
 public:
  // The sum is made in y.
  SparseTree(T* y, std::int64_t size) : y_(y), size_(size) {}

  // Where the sum of a new leaf goes; shards come in ascending order.
  T* open(std::int64_t shard) {
    while (count_ > 1 && common(shard_[count_ - 2], shard_[count_ - 1]) < common(shard_[count_ - 1], shard)) combine();
    shard_[count_] = shard;
    return node(count_++);
  }

  void close() {
    while (count_ > 1) combine();
  }

 private:
  // The height of the lowest node above two different shards.
  static int common(std::int64_t a, std::int64_t b) {
    return 64 - __builtin_clzll(static_cast<unsigned long long>(a ^ b));
  }

  T* node(int i) { return i == 0 ? y_ : nodes_[i]; }

  void combine() {
    --count_;
    add_rows(node(count_ - 1), node(count_), node(count_ - 1), size_);
  }

  T* y_;
  std::int64_t size_;
  int count_ = 0;
  std::int64_t shard_[kMaxNodes];
  alignas(64) T nodes_[kMaxNodes][kColumns];
};

template <class T>
void table_row(const kernels::EmbeddingBackward& p, std::int64_t v, std::int64_t col, std::int64_t size) {
  const std::int32_t *order = p.work, *end = p.work + p.rows;
  const std::int32_t first = v == 0 ? 0 : end[v - 1];
  const std::int64_t shard_rows = p.rows / p.shards;
  const T* dy = static_cast<const T*>(p.dy) + col;
  T* y = static_cast<T*>(p.dtable) + v * p.cols + col;
  SparseTree<T> tree(y, size);
  T* sum = nullptr;
  std::int64_t shard_end = 0;
  for (std::int32_t i = first; i < end[v]; ++i) {
    const std::int64_t n = order[i];
    if (n < shard_end) {
      add_rows(sum, dy + n * p.cols, sum, size);
    } else {
      sum = tree.open(n / shard_rows);
      shard_end = (n / shard_rows + 1) * shard_rows;
      start_row(dy + n * p.cols, sum, size);
    }
  }
  tree.close();
  if (p.factor != 1.0 && first < end[v]) multiply_row(y, static_cast<T>(p.factor), size);
}

// Most rows of a large table stay zero. Long stretches are cleared without reading the memory first.
template <class T>
void clear_table(const kernels::EmbeddingBackward& p) {
  constexpr std::int64_t kStretch = 65536;
  parallel_chunks(p.pool, p.table_rows * p.cols, kStretch, [&](std::int64_t begin, std::int64_t end) {
    __builtin_memset(static_cast<T*>(p.dtable) + begin, 0, static_cast<std::size_t>(end - begin) * sizeof(T));
  });
}

// y = scale * code
void look_up_codes(const kernels::EmbeddingForward& p) {
  parallel_rows(p.pool, p.rows, p.cols, [&](std::int64_t n) {
    const auto* codes = static_cast<const std::int8_t*>(p.quantized->codes) + p.ids[n] * p.cols;
    const float scale = p.quantized->scales[p.ids[n]];
    float* y = static_cast<float*>(p.y) + n * p.cols;
    for (std::int64_t j = 0; j < p.cols; ++j) y[j] = scale * static_cast<float>(codes[j]);
  });
}

template <class T>
void backward(const kernels::EmbeddingBackward& p) {
  clear_table<T>(p);
  const std::int64_t across = (p.cols + kColumns - 1) / kColumns, down = (p.table_rows + kTableRows - 1) / kTableRows;
  parallel_for(p.pool, across * down, [&](std::int64_t task) {
    const std::int64_t col = task % across * kColumns, first = task / across * kTableRows;
    const std::int64_t size = p.cols - col < kColumns ? p.cols - col : kColumns;
    for (std::int64_t v = first; v < first + kTableRows && v < p.table_rows; ++v) table_row<T>(p, v, col, size);
  });
}

}  // namespace

void embedding_forward(const kernels::EmbeddingForward& p) {
  if (p.quantized != nullptr) return look_up_codes(p);
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
