// y = softmax(q k^T / sqrt(D)) v, a strip of queries against one block of keys at a time.
//
// Per query: the largest score so far m, the sum l of exp(score - m), and o = sum of exp(score - m) v; a new block that
// raises m scales l and o down first (Milakov and Gimelshein 2018; Dao et al. 2022). Keys that a query does not see add
// exactly zero, so a query has the same bits whatever other queries stand beside it.
#include <cmath>

#include "wudao/backend/cpu/kernels/attention_codes.h"
#include "wudao/backend/cpu/kernels/attention_cut.h"
#include "wudao/backend/cpu/kernels/attention_operands.h"
#include "wudao/backend/cpu/kernels/attention_pairs.h"
#include "wudao/backend/cpu/kernels/attention_softmax.h"
#include "wudao/backend/cpu/kernels/attention_tile.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA {
namespace {

// Queries [begin, begin + rows) of one head, and the tiles that they work on.
template <class T>
struct Task {
  const kernels::AttentionForward& p;
  Head head;
  Sight sight;
  std::int64_t begin, rows, size, stride;  // size of a head, and of its rows in whole vectors
  T *q, *o, *largest, *sum;                // (rows, stride), (rows, stride), (rows,), (rows, vector)
  T *k_turned, *v, *scores;                // (size, block), (block, stride), (strip, block)
};

template <class T>
std::int64_t elements(std::int64_t rows, std::int64_t stride) {
  return 2 * rows * stride + whole_vectors<T>(rows) + rows * Vec<T>::kWidth + 2 * kKeyBlock * stride +
         kStrip * kKeyBlock;
}

template <class T>
Task<T> make_task(const kernels::AttentionForward& p, const AttentionPiece& piece, std::int64_t number, T* memory) {
  const std::int64_t size = p.shape.head_dim, stride = whole_vectors<T>(size), rows = piece.rows,
                     padded = whole_vectors<T>(rows);
  const Head head(p.shape, piece.pair + number);
  T* q = memory + number * elements<T>(rows, stride);
  T* o = q + rows * stride;
  T* largest = o + rows * stride;
  T* sum = largest + padded;
  T* k_turned = sum + rows * Vec<T>::kWidth;
  T* v = k_turned + kKeyBlock * stride;
  return {p,        head, Sight(p.shape, head.sample), piece.begin, rows, size, stride, q, o, largest, sum,
          k_turned, v,    v + kKeyBlock * stride};
}

template <class T>
void start(const Task<T>& t) {
  const T scale = static_cast<T>(1.0 / ::sqrt(static_cast<double>(t.size)));
  take_rows(t.p.q, t.p.shape.dtype, t.head.element(t.p.q, t.begin), t.rows, t.size, t.q, t.stride);
  scale_row(t.q, scale, t.rows * t.stride);
  clear_row(t.o, t.rows * t.stride);
  clear_row(t.sum, t.rows * Vec<T>::kWidth);
  for (std::int64_t i = 0; i < t.rows; ++i) t.largest[i] = nothing<T>();
}

// A single strip uses the values once: there they lie.
template <class T>
bool takes_values_in_place(const Task<T>& t) {
  return t.rows <= kStrip && t.size == t.stride;
}

// A block of keys, and its values as rows; null: they are read where they lie.
template <class T>
struct Block {
  const T *keys, *values;
  std::int64_t value_row;
};

template <class T>
Block<T> take_keys(const Task<T>& t, std::int64_t key, std::int64_t count) {
  const kernels::AttentionForward& p = t.p;
  if (p.cached.blocks != nullptr) {
    const CachedBlock<T> at = cached_block<T>(p.cached.head(key, t.head.head, t.size), p.shape, t.k_turned, t.v);
    return {at.keys, at.values, at.value_row};
  }
  const std::int64_t v = t.head.element(p.v, key);
  const bool in_place = takes_values_in_place(t);
  take_turned(p.k, p.shape.dtype, t.head.element(p.k, key), count, t.size, t.k_turned,
              in_place ? element(p.v.data, p.shape.dtype, v) : nullptr, p.v.row);
  if (in_place) return {t.k_turned, nullptr, 0};
  take_rows(p.v, p.shape.dtype, v, count, t.size, t.v, t.stride);
  return {t.k_turned, t.v, t.stride};
}

// Scores become exp(score - reference); sum, one value per lane, shrinks and takes them in.
template <class T>
void soften(T* scores, T reference, T factor, std::int64_t count, T* sum) {
  Vec<T> total = Vec<T>::load(sum) * factor;
  for (std::int64_t j = 0; j < count; j += Vec<T>::kWidth) {
    const Vec<T> e = exp(Vec<T>::load(scores + j) - reference);
    e.store(scores + j);
    total += e;
  }
  total.store(sum);
}

// Queries [i, i + rows) of the task: scores of keys [key, key + count) become probabilities times their sum so far.
template <class T>
void soften_strip(const Task<T>& t, std::int64_t i, std::int64_t rows, std::int64_t key, std::int64_t count,
                  Scale<T>& scale) {
  const kernels::AttentionShape& shape = t.p.shape;
  const std::int64_t whole = whole_vectors<T>(count);
  alignas(64) T block[kStrip] = {};
  for (std::int64_t r = 0; r < rows; ++r) {
    T* scores = t.scores + r * kKeyBlock;
    t.sight.hide(scores, t.begin + i + r, key, count, nothing<T>());
    for (std::int64_t j = count; j < whole; ++j) scores[j] = nothing<T>();
    block[r] = largest_of_row(scores, whole);
  }
  raise(t.largest + i, block, rows, scale);
  for (std::int64_t r = 0; r < rows; ++r) {
    T* scores = t.scores + r * kKeyBlock;
    soften(scores, scale.reference[r], scale.factor[r], whole, t.sum + (i + r) * Vec<T>::kWidth);
    if (shape.dropout == 0) continue;
    dropout_in_place(scores, shape.key, shape.dropout, t.head.dropout_index(shape, t.begin + i + r, key), count);
  }
}

// Queries [i, i + rows) of the task against keys [key, key + count).
template <class T>
void visit(const Task<T>& t, const Block<T>& block, std::int64_t i, std::int64_t rows, std::int64_t key,
           std::int64_t count) {
  const TileA<T> q = {t.q + i * t.stride, t.stride, 1};
  tile_product<T, Start::kZero>(q, block.keys, kKeyBlock, t.size, {t.scores, kKeyBlock, nullptr}, rows,
                                whole_vectors<T>(count));
  Scale<T> scale;
  soften_strip(t, i, rows, key, count, scale);
  const TileA<T> probabilities = {t.scores, kKeyBlock, 1};
  const TileC<T> o = {t.o + i * t.stride, t.stride, scale.factor};
  if (block.values != nullptr)
    return tile_product<T, Start::kScale>(probabilities, block.values, block.value_row, count, o, rows, t.stride);
  as_stored<T>(t.p.v.data, t.p.shape.dtype, t.head.element(t.p.v, key), [&](const auto* v) {
    tile_product<T, Start::kScale>(probabilities, v, t.p.v.row, count, o, rows, t.stride);
  });
}

template <class T>
void finish(const Task<T>& t) {
  const kernels::AttentionForward& p = t.p;
  T* largest = static_cast<T*>(p.softmax) + (p.softmax == nullptr ? 0 : t.head.row(p.shape, t.begin));
  T* sums = largest + (p.softmax == nullptr ? 0 : p.shape.batch * p.shape.heads * p.shape.queries);
  for (std::int64_t i = 0; i < t.rows; ++i) {
    const T total = sum(Vec<T>::load(t.sum + i * Vec<T>::kWidth));
    T* o = t.o + i * t.stride;
    scale_row(o, total > 0 ? 1 / total : T{0}, t.stride);
    store_row(o, p.y.data, p.shape.dtype, t.head.element(p.y, t.begin + i), t.size);
    if (p.softmax == nullptr) continue;
    largest[i] = t.largest[i];
    sums[i] = total;
  }
}

// All queries of the task against the block of keys from `key` on, where they see any of it.
template <class T>
void visit_block(const Task<T>& t, std::int64_t key, std::int64_t end) {
  Block<T> block = {};
  for (std::int64_t i = 0; i < t.rows; i += kStrip) {
    const std::int64_t strip = t.rows - i < kStrip ? t.rows - i : kStrip;
    const std::int64_t count = t.sight.extent(t.begin + i, strip, key);
    if (count == 0) continue;
    if (block.keys == nullptr) block = take_keys(t, key, end - key < kKeyBlock ? end - key : kKeyBlock);
    visit(t, block, i, strip, key, count);
  }
}

template <class T>
void run_piece(const kernels::AttentionForward& p, const AttentionPiece& piece) {
  const std::int64_t each = elements<T>(piece.rows, whole_vectors<T>(p.shape.head_dim));
  auto* memory = static_cast<T*>(
      cpu::workspace(cpu::Workspace::kAttention, piece.heads * each * static_cast<std::int64_t>(sizeof(T))));
  const Sight sight(p.shape, piece.pair / p.shape.heads);
  const std::int64_t end = sight.limit(piece.begin + piece.rows - 1);
  for (std::int64_t h = 0; h < piece.heads; ++h) start(make_task(p, piece, h, memory));
  for (std::int64_t key = 0; key < end; key += kKeyBlock) {
    for (std::int64_t h = 0; h < piece.heads; ++h) visit_block(make_task(p, piece, h, memory), key, end);
  }
  for (std::int64_t h = 0; h < piece.heads; ++h) finish(make_task(p, piece, h, memory));
}

template <class T>
void run(const kernels::AttentionForward& p) {
  for_each_piece(p.shape, p.pool, p.cached.blocks != nullptr,
                 [&](const AttentionPiece& piece) { run_piece<T>(p, piece); });
}

}  // namespace

void attention_forward(const kernels::AttentionForward& p) {
  if (p.cached.blocks != nullptr && p.cached.dtype == DType::kUInt8) return attention_codes(p);
  if (pairs::forward(p)) return;
  if (p.shape.dtype == DType::kFloat64) return run<double>(p);
  run<float>(p);
}

}  // namespace wudao::WUDAO_ISA
