// Gradients of attention, with the probabilities made again from what forward saved of the softmax.
//
// With P the probabilities, M the dropout factors and delta_i = sum of dy_i y_i:
//   dV = (P M)^T dY;  dP = (dY V^T) M;  dS = P (dP - delta);  dQ = dS K / sqrt(D);  dK = dS^T Q / sqrt(D)
// (Dao et al. 2022, algorithm 4). Blocks of keys are the outer loop, blocks of queries the inner one; every sum over
// keys or queries runs in ascending order. A head is one task that makes all three; when there are fewer heads than
// threads, dK and dV of some keys and dQ of some queries are tasks, which make the scores twice and the same bits.
#include <cmath>

#include "wudao/backend/cpu/kernels/attention_operands.h"
#include "wudao/backend/cpu/kernels/attention_pairs.h"
#include "wudao/backend/cpu/kernels/attention_parts.h"
#include "wudao/backend/cpu/kernels/attention_tile.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA {
namespace {

constexpr std::int64_t kQueryBlock = 64;
constexpr std::int64_t kStrips = kQueryBlock / kStrip;

template <class T>
struct Task {
  const kernels::AttentionBackward& p;
  AttentionPart part;
  Head head;
  Sight sight;
  std::int64_t size, stride;
  T scale;
  T *q, *dy, *dq, *delta, *largest, *inverse;  // rows of the part's queries; inverse = 1 / sum
  T *k, *k_turned, *v_turned, *dk, *dv;        // one block of keys
  T *probabilities, *dscores;                  // (query block, key block)
};

// Hands out pieces of one block of memory.
template <class T>
class Pieces {
 public:
  explicit Pieces(T* data) : next_(data) {}
  T* take(std::int64_t size) {
    T* piece = next_;
    next_ += whole_vectors<T>(size);
    return piece;
  }

 private:
  T* next_;
};

template <class T>
Task<T> make_task(const kernels::AttentionBackward& p, const AttentionPart& part) {
  const std::int64_t size = p.shape.head_dim, stride = whole_vectors<T>(size),
                     rows = part.queries.end - part.queries.begin;
  const std::int64_t all =
      3 * rows * stride + 3 * whole_vectors<T>(rows) + 5 * kKeyBlock * stride + 2 * kQueryBlock * kKeyBlock;
  Pieces<T> pieces(
      static_cast<T*>(cpu::workspace(cpu::Workspace::kAttention, all * static_cast<std::int64_t>(sizeof(T)))));
  const Head head(p.shape, part.pair);
  const std::int64_t block = kKeyBlock * stride;
  Task<T> t = {p,
               part,
               head,
               Sight(p.shape, head.sample),
               size,
               stride,
               static_cast<T>(1.0 / ::sqrt(static_cast<double>(size))),
               nullptr,
               nullptr,
               nullptr,
               nullptr,
               nullptr,
               nullptr,
               nullptr,
               nullptr,
               nullptr,
               nullptr,
               nullptr,
               nullptr,
               nullptr};
  for (T** rows_of : {&t.q, &t.dy, &t.dq}) *rows_of = pieces.take(rows * stride);
  for (T** number : {&t.delta, &t.largest, &t.inverse}) *number = pieces.take(rows);
  for (T** tile : {&t.k, &t.k_turned, &t.v_turned, &t.dk, &t.dv}) *tile = pieces.take(block);
  for (T** tile : {&t.probabilities, &t.dscores}) *tile = pieces.take(kQueryBlock * kKeyBlock);
  return t;
}

template <class T>
T dot(const T* x, const T* y, std::int64_t size) {
  return sum_over<T>(
      size, [&](std::int64_t j, auto lanes) { return Vec<T>::load(x + j, lanes) * Vec<T>::load(y + j, lanes); });
}

template <class T>
void take_queries(const Task<T>& t) {
  const kernels::AttentionBackward& p = t.p;
  const std::int64_t begin = t.part.queries.begin, rows = t.part.queries.end - begin;
  take_rows(p.q, p.shape.dtype, t.head.element(p.q, begin), rows, t.size, t.q, t.stride);
  scale_row(t.q, t.scale, rows * t.stride);
  take_rows(p.dy, p.shape.dtype, t.head.element(p.dy, begin), rows, t.size, t.dy, t.stride);
  // dq is not in use yet: y passes through it.
  take_rows(p.y, p.shape.dtype, t.head.element(p.y, begin), rows, t.size, t.dq, t.stride);
  const T* largest = static_cast<const T*>(p.softmax) + t.head.row(p.shape, begin);
  const T* sum = largest + p.shape.batch * p.shape.heads * p.shape.queries;
  for (std::int64_t i = 0; i < rows; ++i) {
    t.delta[i] = dot(t.dy + i * t.stride, t.dq + i * t.stride, t.stride);
    t.largest[i] = sum[i] > 0 ? largest[i] : T{0};  // a query that sees nothing has probabilities exp(-inf) * 0
    t.inverse[i] = sum[i] > 0 ? 1 / sum[i] : T{0};
  }
  clear_row(t.dq, rows * t.stride);
}

template <class T>
void take_keys(const Task<T>& t, std::int64_t key) {
  const std::int64_t left = t.part.keys.end - key, count = left < kKeyBlock ? left : kKeyBlock,
                     all = kKeyBlock * t.stride;
  take_rows(t.p.k, t.p.shape.dtype, t.head.element(t.p.k, key), count, t.size, t.k, t.stride);
  clear_row(t.k + count * t.stride, all - count * t.stride);
  take_turned(t.p.k, t.p.shape.dtype, t.head.element(t.p.k, key), count, t.size, t.k_turned);
  take_turned(t.p.v, t.p.shape.dtype, t.head.element(t.p.v, key), count, t.size, t.v_turned);
  clear_row(t.dk, all);
  clear_row(t.dv, all);
}

// Scores and dP of one query become P M and dS; `i` counts the queries of the part.
template <class T>
void score_row(const Task<T>& t, std::int64_t i, std::int64_t key, std::int64_t count, T* scores, T* dscores) {
  const kernels::AttentionShape& shape = t.p.shape;
  const std::int64_t query = t.part.queries.begin + i;
  t.sight.hide(scores, query, key, count, -static_cast<T>(HUGE_VAL));
  const auto step = [&](std::int64_t j, auto lanes, auto&& dropped) {
    const Vec<T> p = exp(Vec<T>::load(scores + j, lanes) - t.largest[i]) * t.inverse[i];
    const Vec<T> dp = dropped(Vec<T>::load(dscores + j, lanes));
    dropped(p).store(scores + j, lanes);
    (p * (dp - t.delta[i])).store(dscores + j, lanes);
  };
  if (shape.dropout > 0) {
    const Keep<T> keep(shape.key, shape.dropout);
    keep.for_each(t.head.dropout_index(shape, query, key), count, [&](std::int64_t j, auto lanes, auto mask) {
      step(j, lanes, [&](Vec<T> x) { return keep.apply(mask, x); });
    });
  } else {
    for_vectors<Vec<T>::kWidth>(0, count,
                                [&](std::int64_t j, auto lanes) { step(j, lanes, [](Vec<T> x) { return x; }); });
  }
  clear_row(scores + count, kKeyBlock - count);
  clear_row(dscores + count, kKeyBlock - count);
}

// P M and dS of one strip, and what the strip's dq gets from them.
template <class T>
void visit_strip(const Task<T>& t, std::int64_t i, std::int64_t rows, std::int64_t key, std::int64_t count,
                 T* probabilities, T* dscores) {
  const std::int64_t cols = whole_vectors<T>(count);
  tile_product<T, Start::kZero>({t.q + i * t.stride, t.stride, 1}, t.k_turned, kKeyBlock, t.size,
                                {probabilities, kKeyBlock, nullptr}, rows, cols);
  tile_product<T, Start::kZero>({t.dy + i * t.stride, t.stride, 1}, t.v_turned, kKeyBlock, t.size,
                                {dscores, kKeyBlock, nullptr}, rows, cols);
  for (std::int64_t r = 0; r < rows; ++r)
    score_row(t, i + r, key, count, probabilities + r * kKeyBlock, dscores + r * kKeyBlock);
  if (!t.part.dq) return;
  tile_product<T, Start::kAdd>({dscores, kKeyBlock, 1}, t.k, t.stride, count, {t.dq + i * t.stride, t.stride, nullptr},
                               rows, t.stride);
}

// dk and dv from a block of queries, of which strip s sees the first extent[s] keys of the block or fewer.
template <class T>
void add_keys(const Task<T>& t, std::int64_t i, std::int64_t rows, const std::int64_t* extent) {
  std::int64_t first = 0;
  for (std::int64_t key = 0; key < kKeyBlock; key += kStrip) {
    for (first = 0; first < rows && extent[first / kStrip] <= key;) first += kStrip;
    if (first >= rows) continue;
    const std::int64_t tile = first * kKeyBlock + key, row = (i + first) * t.stride;
    tile_product<T, Start::kAdd>({t.probabilities + tile, 1, kKeyBlock}, t.dy + row, t.stride, rows - first,
                                 {t.dv + key * t.stride, t.stride, nullptr}, kStrip, t.stride);
    tile_product<T, Start::kAdd>({t.dscores + tile, 1, kKeyBlock}, t.q + row, t.stride, rows - first,
                                 {t.dk + key * t.stride, t.stride, nullptr}, kStrip, t.stride);
  }
}

// Queries [i, i + rows) of the part against the block of keys from `key` on.
template <class T>
void visit(const Task<T>& t, std::int64_t i, std::int64_t rows, std::int64_t key) {
  std::int64_t extent[kStrips], seen = 0;
  for (std::int64_t r = 0; r < rows; r += kStrip) {
    const std::int64_t strip = rows - r < kStrip ? rows - r : kStrip,
                       count = t.sight.extent(t.part.queries.begin + i + r, strip, key);
    T *probabilities = t.probabilities + r * kKeyBlock, *dscores = t.dscores + r * kKeyBlock;
    extent[r / kStrip] = count;
    seen += count;
    if (count > 0) {
      visit_strip(t, i + r, strip, key, count, probabilities, dscores);
    } else {
      clear_row(probabilities, strip * kKeyBlock);
      clear_row(dscores, strip * kKeyBlock);
    }
  }
  if (seen > 0 && t.part.dkv) add_keys(t, i, rows, extent);
}

template <class T>
void give_rows(const Task<T>& t, const kernels::Strided& x, std::int64_t first, std::int64_t rows, const T* from) {
  for (std::int64_t r = 0; r < rows; ++r) {
    store_row(from + r * t.stride, x.data, t.p.shape.dtype, t.head.element(x, first + r), t.size);
  }
}

template <class T>
void run_part(const kernels::AttentionBackward& p, const AttentionPart& part) {
  const Task<T> t = make_task<T>(p, part);
  const std::int64_t rows = part.queries.end - part.queries.begin;
  take_queries(t);
  for (std::int64_t key = part.keys.begin; key < part.keys.end; key += kKeyBlock) {
    take_keys(t, key);
    for (std::int64_t i = 0; i < rows; i += kQueryBlock)
      visit(t, i, rows - i < kQueryBlock ? rows - i : kQueryBlock, key);
    const std::int64_t left = part.keys.end - key, count = left < kKeyBlock ? left : kKeyBlock;
    if (!part.dkv) continue;
    give_rows(t, p.dk, key, count, t.dk);
    give_rows(t, p.dv, key, count, t.dv);
  }
  if (!part.dq) return;
  scale_row(t.dq, t.scale, rows * t.stride);
  give_rows(t, p.dq, part.queries.begin, rows, t.dq);
}

template <class T>
void run(const kernels::AttentionBackward& p) {
  for_each_part(p.shape, p.pool, [&](const AttentionPart& part) { run_part<T>(p, part); });
}

}  // namespace

void attention_backward(const kernels::AttentionBackward& p) {
  if (pairs::backward(p)) return;
  if (p.shape.dtype == DType::kFloat64) return run<double>(p);
  run<float>(p);
}

}  // namespace wudao::WUDAO_ISA
