// y = softmax(q k^T / sqrt(D)) v, a strip of queries against one block of keys at a time.
//
// Per query: the largest score so far m, the sum l of exp(score - m), and o = sum of exp(score - m) v; a new block that
// raises m scales l and o down first (Milakov and Gimelshein 2018; Dao et al. 2022). Keys that a query does not see add
// exactly zero, so a query has the same bits whatever other queries stand beside it.
#include <cmath>

#include "wudao/backend/cpu/kernels/attention.h"
#include "wudao/backend/cpu/kernels/attention_tile.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA {
namespace {

constexpr std::int64_t kQueriesPerTask = 128;  // when there are too few heads to share

// Queries [begin, begin + rows) of one head, and the tiles that they work on.
template <class T>
struct Task {
  const kernels::AttentionForward& p;
  Head head;
  Sight sight;
  std::int64_t begin, rows, size, stride;  // size of a head, and of its rows in whole vectors
  T *q, *o, *largest, *sum;                // (rows, stride), (rows, stride), (rows,), (rows,)
  T *k, *k_turned, *v, *scores;            // (block, stride), (size, block), (block, stride), (strip, block)
};

template <class T>
std::int64_t elements(std::int64_t rows, std::int64_t stride) {
  return 2 * rows * stride + 2 * whole_vectors<T>(rows) + 3 * kKeyBlock * stride + kStrip * kKeyBlock;
}

template <class T>
Task<T> make_task(const kernels::AttentionForward& p, std::int64_t pair, std::int64_t begin, std::int64_t rows) {
  const std::int64_t size = p.shape.head_dim, stride = whole_vectors<T>(size), padded = whole_vectors<T>(rows);
  const Head head(p.shape, pair);
  T* q = static_cast<T*>(cpu::workspace(cpu::Workspace::kAttention, elements<T>(rows, stride) * static_cast<std::int64_t>(sizeof(T))));
  T* o = q + rows * stride;
  T* largest = o + rows * stride;
  T* k = largest + 2 * padded;
  T* k_turned = k + kKeyBlock * stride;
  T* v = k_turned + kKeyBlock * stride;
  return {p, head, Sight(p.shape, head.sample), begin, rows, size, stride, q, o, largest, largest + padded, k, k_turned, v, v + kKeyBlock * stride};
}

template <class T>
void start(const Task<T>& t) {
  const T scale = static_cast<T>(1.0 / ::sqrt(static_cast<double>(t.size)));
  take_rows(t.p.q, t.p.shape.dtype, t.head.offset(t.p.q), t.begin, t.rows, t.size, t.q, t.stride);
  scale_row(t.q, scale, t.rows * t.stride);
  for (std::int64_t i = 0; i < t.rows * t.stride; ++i) t.o[i] = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    t.largest[i] = -static_cast<T>(HUGE_VAL);
    t.sum[i] = 0;
  }
}

template <class T>
void take_keys(const Task<T>& t, std::int64_t key, std::int64_t count) {
  take_rows(t.p.k, t.p.shape.dtype, t.head.offset(t.p.k), key, count, t.size, t.k, t.stride);
  for (std::int64_t i = count * t.stride; i < kKeyBlock * t.stride; ++i) t.k[i] = 0;
  turn(t.k, t.stride, t.size, t.k_turned);
  take_rows(t.p.v, t.p.shape.dtype, t.head.offset(t.p.v), key, count, t.size, t.v, t.stride);
}

// The scores of one query become exp(score - m); returns what its earlier sums have to be multiplied by.
template <class T>
T soften(const Task<T>& t, std::int64_t i, std::int64_t key, std::int64_t count, T* scores) {
  const T nothing = -static_cast<T>(HUGE_VAL);
  t.sight.hide(scores, t.begin + i, key, count, nothing);
  for (std::int64_t j = count; j < whole_vectors<T>(count); ++j) scores[j] = nothing;
  const T before = t.largest[i], block = largest_of_row(scores, count);
  const T after = block > before ? block : before;
  const T reference = after == nothing ? T{0} : after;
  const T sum = exponential_row(scores, reference, whole_vectors<T>(count));
  const T factor = before == after ? T{1} : exponential(before - reference);
  t.largest[i] = after;
  t.sum[i] = t.sum[i] * factor + sum;
  if (t.p.shape.dropout > 0) {
    dropout_in_place(scores, t.p.shape.key, t.p.shape.dropout, t.head.dropout_index(t.p.shape, t.begin + i, key), count);
  }
  return factor;
}

// Queries [i, i + rows) of the task against keys [key, key + count).
template <class T>
void visit(const Task<T>& t, std::int64_t i, std::int64_t rows, std::int64_t key, std::int64_t count) {
  const TileA<T> q = {t.q + i * t.stride, t.stride, 1};
  tile_product<T, Start::kZero>(q, t.k_turned, kKeyBlock, t.size, {t.scores, kKeyBlock, nullptr}, rows, whole_vectors<T>(count));
  T factor[kStrip];
  for (std::int64_t r = 0; r < rows; ++r) factor[r] = soften(t, i + r, key, count, t.scores + r * kKeyBlock);
  const TileA<T> probabilities = {t.scores, kKeyBlock, 1};
  tile_product<T, Start::kScale>(probabilities, t.v, t.stride, count, {t.o + i * t.stride, t.stride, factor}, rows, t.stride);
}

template <class T>
void finish(const Task<T>& t) {
  const kernels::AttentionForward& p = t.p;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    T* o = t.o + i * t.stride;
    scale_row(o, t.sum[i] > 0 ? 1 / t.sum[i] : T{0}, t.stride);
    store_row(o, p.y.data, p.shape.dtype, t.head.offset(p.y) + (t.begin + i) * p.y.row, t.size);
  }
  if (p.softmax == nullptr) return;
  T* largest = static_cast<T*>(p.softmax) + t.head.row(p.shape, t.begin);
  copy_row(t.largest, largest, t.rows);
  copy_row(t.sum, largest + p.shape.batch * p.shape.heads * p.shape.queries, t.rows);
}

template <class T>
void run_task(const kernels::AttentionForward& p, std::int64_t pair, std::int64_t begin, std::int64_t rows) {
  const Task<T> t = make_task<T>(p, pair, begin, rows);
  start(t);
  const std::int64_t end = t.sight.limit(begin + rows - 1);
  for (std::int64_t key = 0; key < end; key += kKeyBlock) {
    bool taken = false;
    for (std::int64_t i = 0; i < rows; i += kStrip) {
      const std::int64_t strip = rows - i < kStrip ? rows - i : kStrip;
      const std::int64_t count = t.sight.extent(begin + i, strip, key);
      if (count == 0) continue;
      if (!taken) take_keys(t, key, end - key < kKeyBlock ? end - key : kKeyBlock);
      taken = true;
      visit(t, i, strip, key, count);
    }
  }
  finish(t);
}

template <class T>
void run(const kernels::AttentionForward& p) {
  const std::int64_t pairs = p.shape.batch * p.shape.heads, queries = p.shape.queries;
  const bool whole = pairs >= 4 * p.pool->size() || queries <= kQueriesPerTask;
  const std::int64_t step = whole ? queries : kQueriesPerTask, parts = (queries + step - 1) / step;
  parallel_for(p.pool, pairs * parts, [&](std::int64_t task) {
    const std::int64_t begin = (parts - 1 - task % parts) * step;  // the last queries see most: first
    run_task<T>(p, task / parts, begin, queries - begin < step ? queries - begin : step);
  });
}

}  // namespace

void attention_forward(const kernels::AttentionForward& p) {
  if (p.shape.dtype == DType::kFloat64) return run<double>(p);
  run<float>(p);
}

}  // namespace wudao::WUDAO_ISA
