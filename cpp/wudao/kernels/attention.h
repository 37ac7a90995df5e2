// Arguments of scaled dot-product attention with GLM's mask.
//
// Query i of sample b stands at absolute position past + i among the keys. It sees key j when
//   sep form:   j <= past + i, or j < sep[b]
//   mask form:  mask[b, i, j] != 0
// Key blocks in which a query block sees nothing are skipped. A query that sees nothing gives a zero row.
// Scores are q.k / sqrt(D); softmax in the accumulator type; dropout on the probabilities after normalisation.
#pragma once

#include <cstdint>

#include "wudao/base/dtype.h"
#include "wudao/base/philox.h"
#include "wudao/kernels/cache.h"

namespace wudao {
class ThreadPool;
}

namespace wudao::kernels {

// Element (b, t, h, d) of an operand lies at data[b * batch + t * row + h * head + d].
struct Strided {
  void* data;
  std::int64_t batch, row, head;
};

struct AttentionShape {
  std::int64_t batch, heads, head_dim;
  std::int64_t queries, keys, past;  // keys counts the past too: past + queries <= keys
  const std::int32_t* sep;           // (batch,) or null
  const std::uint8_t* mask;          // (batch, queries, keys) or null; exactly one of the two
  DType dtype;
  double dropout;
  philox::Key key;
  std::int64_t first_sample;  // global index of sample 0: dropout is keyed by (sample, head, query, key)
};

struct AttentionForward {
  AttentionShape shape;
  Strided q, k, v, y;
  void*
      softmax;  // (2, batch, heads, queries) accumulator type: the largest score m, the sum of exp(score - m); or null
  ThreadPool* pool;
  CachedLayer cached = {};  // where keys and values are instead of k and v, of one sample; or no blocks
};

// y is the output of forward. dq, dk, dv are overwritten.
struct AttentionBackward {
  AttentionShape shape;
  Strided q, k, v, y, dy, dq, dk, dv;
  const void* softmax;
  ThreadPool* pool;
};

}  // namespace wudao::kernels
