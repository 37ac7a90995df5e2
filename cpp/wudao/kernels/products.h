// Arguments of the kernels built on matrix products: linear, matmul and the output layer with its loss.
// `compute` is the type of the products; weights are kept in its accumulator type and rounded when they are packed.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"
#include "wudao/base/philox.h"
#include "wudao/kernels/quantized.h"
#include "wudao/kernels/windows.h"

namespace wudao {
class ThreadPool;
struct PackedForms;
}  // namespace wudao

namespace wudao::kernels {

constexpr std::uint32_t kInputRounding = 0x01000000;

enum class Activation : std::uint8_t { kNone, kGeluTanh, kGeluErf };

// u = x W^T + bias;  y = residual + dropout(activation(u)). `linear_pack` only packs the weight; a later forward that
// finds it packed writes to y, preactivation and work and nowhere else.
struct LinearForward {
  const void* x;         // (rows, in) compute
  const void* weight;    // (out, in) accumulator type
  PackedForms* packed;   // where packed forms of the weight are kept
  const void* bias;      // (out,) accumulator type or null
  const void* residual;  // (rows, out) y_type or null
  void* y;               // (rows, out) y_type
  void* preactivation;   // u (rows, out) compute, kept for backward; null when not wanted
  void* work;            // digit_bytes(rows, in) where the product is one of integers, otherwise null
  DType compute, y_type;
  Activation activation;
  double dropout;
  philox::Key key;
  std::int64_t first_row;  // global index of row 0, for dropout
  std::int64_t rows, in, out;
  ThreadPool* pool;
  const QuantizedWeight* quantized = nullptr;  // instead of weight; compute is float32 or bfloat16 then
  bool int8 = false;          // round x, row by row, and W, row by row, to 8 bits as quantized.h says; compute as above
  philox::Key rounding = {};  // of W, at random: codes are right on average; of x the stream kInputRounding further on
  const Windows* windows = nullptr;  // x is a map, and row n of the product its window n
  const Pixels* pixels = nullptr;    // y is a map, and row n of the product its pixel n
};

// du = activation'(u) * dropout(dy);  dx = du W;  dweight = sum over shards of du_s^T x_s;  dbias likewise.
struct LinearBackward {
  const void* dy;  // (rows, out) y_type
  const void* x;
  const void* weight;
  PackedForms* packed;
  const void* preactivation;
  void* dx;       // (rows, in) compute, or null
  void* dweight;  // (out, in) accumulator type, or null
  void* dbias;    // (out,) accumulator type, or null
  void* du;       // (rows, out) compute: work; may be dy itself when y_type is compute and nothing has to change
  void* work;     // accumulator type, out * column_chunks(rows, shards)
  DType compute, y_type;
  Activation activation;
  double dropout;
  philox::Key key;
  std::int64_t first_row;
  std::int64_t rows, in, out;
  int shards;
  ThreadPool* pool;
  void* digits = nullptr;  // digit_bytes(rows, out): dx from du, row by row, and W, column by column, in 8 bits
  const Windows* dy_windows = nullptr;  // dy and du are one map, and their rows its windows; dbias is null then
  const Windows* x_windows = nullptr;   // the same of x
  const Pixels* pixels = nullptr;       // dx is a map, and its rows these pixels
  const void* rectified = nullptr;      // like dx: x before it lost what is negative, so dx is 0 unless it is positive
};

// c = op(a) op(b), all of `dtype` except that bfloat16 gives a float32 c.
struct Matmul {
  const void* a;
  const void* b;
  void* c;
  DType dtype;
  bool transpose_a, transpose_b;
  std::int64_t m, n, k;
  ThreadPool* pool;
};

// Cross-entropy over the rows of the output projection, without holding the logits:
//   z = h W^T;  loss_s = sum over rows of shard s of weight_n * (logsumexp(z_n) - z_n[target_n])
//   dh_n = (softmax(z_n) - onehot(target_n)) W * weight_n;  dW = sum over shards of dz_s^T h_s
// Rows whose weight is 0 cost nothing: their dh is zero and no logits are made.
struct OutputLoss {
  const void* h;       // (rows, in) compute
  const void* weight;  // (vocab, in) accumulator type
  PackedForms* packed;
  const std::int32_t* targets;  // (rows,)
  const double* weights;        // (rows,) already divided by the global number of counted tokens
  double* loss;                 // (shards,) one sum per shard
  double* row_loss;             // (rows,) unweighted negative log-probability where weight is not 0, else 0; or null
  void* dh;                     // (rows, in) compute; null when only the loss is wanted
  void* dweight;                // (vocab, in) accumulator type; null when only the loss is wanted
  void* (*allocate)(void* arena, std::int64_t bytes);  // work space; what is allocated is released at the end
  void (*release)(void* arena, void* block, std::int64_t bytes);
  void* arena;
  DType compute;
  std::int64_t rows, in, vocab;
  std::int64_t logit_columns;  // columns at or after this are padding of the vocabulary and never count; 0 = vocab
  int shards;
  ThreadPool* pool;
  const QuantizedWeight* quantized = nullptr;  // instead of weight; the loss only, compute float32 or bfloat16
};

// What choosing from a row of logits begins with.
struct RowSummary {
  const void* x;
  std::int32_t* best;  // (rows,) the first index of the largest element
  double* log_sum;     // (rows,) log(sum(exp(x))); not a number where the row has something infinite or not a number
  DType dtype;         // float32 or float64
  std::int64_t rows, row, cols;  // row n begins at n * row
  ThreadPool* pool;
};

// y = x - logsumexp(x) per row; float32 or float64.
struct LogSoftmax {
  const void* x;
  void* y;
  DType dtype;
  std::int64_t rows, cols;
  ThreadPool* pool;
};

// dx = dy - softmax(x) sum(dy) per row.
struct LogSoftmaxBackward {
  const void* x;
  const void* dy;
  void* dx;
  DType dtype;
  std::int64_t rows, cols;
  ThreadPool* pool;
};

}  // namespace wudao::kernels
