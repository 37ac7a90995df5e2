// Arguments of the kernels of a mixture of experts: rows gathered by expert, products of uneven batches of rows with
// each expert's own weight, and rows brought back to their tokens.
#pragma once

#include <cstdint>

#include "wudao/kernels/products.h"

namespace wudao::kernels {

// Rows lie expert after expert: expert e has rows [begin[e], begin[e + 1]), which may be none; begin[0] = 0.
//   u = x W_e^T + b_e;  y = activation(u)
struct ExpertsForward {
  const void* x;              // (rows, in) compute
  const void* weights;        // (experts, out, in) accumulator type
  PackedForms* packed;        // where packed forms of the weights are kept; null: nobody will use them again
  const void* biases;         // (experts, out) accumulator type or null
  void* y;                    // (rows, out) y_type
  void* preactivation;        // u (rows, out) compute, kept for backward; null when not wanted
  const std::int64_t* begin;  // (experts + 1,)
  std::int64_t* tasks;        // (experts + 1,) work
  DType compute, y_type;
  Activation activation;
  std::int64_t experts, in, out;
  ThreadPool* pool;
};

// du = activation'(u) * dy;  dx = du W_e;  dW_e = sum over shards of du_s^T x_s;  db_e likewise.
// Rows of an expert lie shard after shard; of the shards at hand, those of one gradient are `first_shard` .. +
// `shards`, a power of two.
struct ExpertsBackward {
  const void* dy;  // (rows, out) y_type
  const void* x;
  const void* weights;
  PackedForms* packed;        // as in forward
  const void* preactivation;
  void* dx;        // (rows, in) compute, or null
  void* dweights;  // (experts, out, in) accumulator type, or null
  void* dbiases;   // (experts, out) accumulator type, or null
  void* du;        // (rows, out) compute: work; may be dy itself where y_type is compute, which is overwritten then
  const std::int64_t* begin;
  const std::int64_t* shard_begin;  // (experts, all_shards + 1) first row of each shard of each expert, and its end
  std::int64_t* tasks;              // (experts + 1,) work
  DType compute, y_type;
  Activation activation;
  std::int64_t experts, in, out;
  int all_shards, first_shard, shards;
  bool fresh;  // du has to be made; not for a second gradient of the same rows
  ThreadPool* pool;
};

// y[n, :] = x[index[n], :]; with `unit`, the row index[n] * unit bytes behind x.
struct GatherRows {
  const void* x;
  const std::int64_t* index;
  void* y;
  DType dtype;
  std::int64_t rows, cols;
  ThreadPool* pool;
  std::int64_t unit = 0;  // bytes; 0: a row
};

// y_t = residual_t + dropout(sum over j of w_tj r[slot_tj]), j in order; slot -1: none.
struct CombineRows {
  const void* r;             // (any, cols) compute
  const std::int64_t* slot;  // (rows, k)
  const void* weights;       // (rows, k) accumulator type; null: ones
  const void* residual;      // (rows, cols) y_type or null
  void* y;                   // (rows, cols) y_type
  DType compute, y_type;
  double dropout;
  philox::Key key;
  std::int64_t first_row;  // global index of row 0, for dropout
  std::int64_t rows, cols, k;
  ThreadPool* pool;
};

// d_t = dropout(dy_t);  dr[slot_tj] = w_tj d_t;  dw_tj = d_t . r[slot_tj], 0 where the slot is -1.
struct CombineBackward {
  const void* dy;  // (rows, cols) y_type
  const void* r;
  const std::int64_t* slot;
  const void* weights;
  void* dr;        // of r's shape and type; every slot that is named is written
  void* dweights;  // (rows, k) accumulator type
  DType compute, y_type;
  double dropout;
  philox::Key key;
  std::int64_t first_row;
  std::int64_t rows, cols, k;
  ThreadPool* pool;
};

}  // namespace wudao::kernels
