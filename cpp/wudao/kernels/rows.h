// Arguments of kernels that work row by row: embedding and layer norm.
// Sums over rows: within a shard in a fixed order of fixed chunks, over shards in the fixed tree.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"
#include "wudao/kernels/quantized.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::kernels {

// y[n, :] = table[ids[n], :]
struct EmbeddingForward {
  const void* table;  // (table_rows, cols) accumulator type
  const std::int32_t* ids;
  void* y;  // (rows, cols) same type
  DType dtype;
  std::int64_t rows, cols;
  ThreadPool* pool;
  const QuantizedWeight* quantized = nullptr;  // of 8 bits, instead of a float32 table
};

// dtable[v, :] = factor * sum of dy[n, :] over n with ids[n] == v; every row of dtable is written.
struct EmbeddingBackward {
  const void* dy;
  const std::int32_t* ids;
  void* dtable;
  std::int32_t* work;  // rows + table_rows + 1 integers: the rows sorted by id, and where each id starts
  DType dtype;
  std::int64_t rows, cols, table_rows;
  int shards;
  ThreadPool* pool;
  double factor = 1.0;  // of the sums
};

// What a layer norm divides its input by first, so that squares stay in range (PB-relax of Ding et al. 2021, CogView):
// nothing; the row's largest magnitude over 8; or that of all rows, by which a row depends on those beside it.
enum class NormScaling { kNone, kRow, kTensor };

// y = (x - mean) * rstd * gamma + beta with rstd = 1 / sqrt(var + eps), var over the row, biased. With scaling the norm
// is that of x f, f = 8 / max |x|; mean and rstd are given as of x all the same: mean / f and rstd f.
struct LayerNormForward {
  const void* x;      // (rows, cols) x_type
  const void* gamma;  // (cols,) accumulator type
  const void* beta;
  void* y;     // (rows, cols) y_type
  void* mean;  // (rows,) accumulator type, for backward; null: neither is wanted
  void* rstd;
  DType x_type, y_type;
  std::int64_t rows, cols;
  double eps;
  ThreadPool* pool;
  NormScaling scaling = NormScaling::kNone;
};

struct LayerNormBackward {
  const void* x;
  const void* gamma;
  const void* mean;
  const void* rstd;
  const void* dy;  // y_type
  void* dx;        // x_type
  void* dgamma;    // (cols,) accumulator type; null when no parameter gradient is wanted
  void* dbeta;
  void* work;  // accumulator type, 2 * cols * chunks of column_chunks(rows, shards)
  DType x_type, y_type;
  std::int64_t rows, cols;
  int shards;
  ThreadPool* pool;
};

// Rows are summed in chunks of this many, counted from the start of each shard.
constexpr std::int64_t kRowChunk = 64;

constexpr std::int64_t column_chunks(std::int64_t rows, int shards) {
  return shards * ((rows / shards + kRowChunk - 1) / kRowChunk);
}

}  // namespace wudao::kernels
