// Gradients of attention in bfloat16: with P = exp(S - m) / l made again, dP = dY V^T and dS = P (dP - delta),
//   dV = P^T dY,  dQ = dS K / sqrt(D),  dK = dS^T Q / sqrt(D).
// Blocks of keys are the outer loop, blocks of queries the inner one. P and dS of a block are kept in pairs of queries,
// as the left factors of dV and dK.
#include <cmath>

#include "wudao/backend/cpu/kernels/attention_pairs.h"
#include "wudao/backend/cpu/kernels/attention_parts.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA::pairs {

#if defined(__AVX512BF16__)
namespace {

constexpr std::int64_t kQueryBlock = 96;  // long enough sums for dV and dK
constexpr std::int64_t kQueryUnits = kQueryBlock / 2;
constexpr std::int64_t kStrips = kQueryBlock / kRows;
constexpr int kLanes = Vec<float>::kWidth;

struct Task {
  const kernels::AttentionBackward& p;
  AttentionPart part;
  Head head;
  Sight sight;
  std::int64_t rows, size, slivers;
  float scale;
  float *dq, *delta, *largest, *inverse;  // rows of the part's queries; inverse = 1 / sum
  float *dk, *dv;                         // (kKeyBlock, slivers * kLine)
  Unit *q, *dy;                           // per block of queries: slivers of (kQueryUnits, kLine)
  Unit *k, *k_columns, *v_columns;        // slivers of (kBlockUnits, kLine); (size / 2, kLine) twice
  Unit *probabilities, *dscores;          // (kQueryUnits, kKeyBlock)
};

// Hands out pieces of one block of memory; without memory it only counts.
class Pieces {
 public:
  explicit Pieces(char* data) : data_(data) {}
  template <class T>
  void take(T*& piece, std::int64_t count) {
    piece = data_ == nullptr ? nullptr : reinterpret_cast<T*>(data_ + used_);
    used_ += (count * static_cast<std::int64_t>(sizeof(T)) + 63) / 64 * 64;
  }
  std::int64_t used() const { return used_; }

 private:
  char* data_;
  std::int64_t used_ = 0;
};

std::int64_t place(Task& t, char* memory) {
  const std::int64_t line = t.slivers * kLine, blocks = (t.rows + kQueryBlock - 1) / kQueryBlock;
  Pieces pieces(memory);
  pieces.take(t.dq, t.rows * line);
  for (float** number : {&t.delta, &t.largest, &t.inverse}) pieces.take(*number, t.rows);
  for (float** tile : {&t.dk, &t.dv}) pieces.take(*tile, kKeyBlock * line);
  for (Unit** rows_of : {&t.q, &t.dy}) pieces.take(*rows_of, blocks * kQueryUnits * line);
  pieces.take(t.k, kBlockUnits * line);
  for (Unit** columns : {&t.k_columns, &t.v_columns}) pieces.take(*columns, t.size / 2 * kLine);
  for (Unit** tile : {&t.probabilities, &t.dscores}) pieces.take(*tile, kQueryUnits * kKeyBlock);
  return pieces.used();
}

Task make_task(const kernels::AttentionBackward& p, const AttentionPart& part) {
  const Head head(p.shape, part.pair);
  Task t = {p,
            part,
            head,
            Sight(p.shape, head.sample),
            part.queries.end - part.queries.begin,
            p.shape.head_dim,
            slivers_of(p.shape.head_dim),
            static_cast<float>(1.0 / ::sqrt(static_cast<double>(p.shape.head_dim))),
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
  place(t, static_cast<char*>(cpu::workspace(cpu::Workspace::kAttention, place(t, nullptr))));
  return t;
}

float dot_of_rows(const Task& t, std::int64_t query) {
  const auto* dy = reinterpret_cast<const BFloat16*>(row_of(t.p.dy, t.head, query));
  const auto* y = reinterpret_cast<const BFloat16*>(row_of(t.p.y, t.head, query));
  return sum_over<float>(t.size, [&](std::int64_t j, auto lanes) {
    return Vec<float>::load(dy + j, lanes) * Vec<float>::load(y + j, lanes);
  });
}

void take_queries(const Task& t) {
  const kernels::AttentionBackward& p = t.p;
  const std::int64_t begin = t.part.queries.begin, block = kQueryUnits * t.slivers * kLine;
  const float* largest = static_cast<const float*>(p.softmax) + t.head.row(p.shape, begin);
  const float* sum = largest + p.shape.batch * p.shape.heads * p.shape.queries;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    t.delta[i] = dot_of_rows(t, begin + i);
    t.largest[i] = sum[i] > 0 ? largest[i] : 0.0f;  // a query that sees nothing has probabilities exp(-inf) * 0
    t.inverse[i] = sum[i] > 0 ? 1 / sum[i] : 0.0f;
  }
  clear_row(t.dq, t.rows * t.slivers * kLine);
  for (std::int64_t i = 0; i < t.rows && t.part.dkv; i += kQueryBlock) {
    const std::int64_t rows = t.rows - i < kQueryBlock ? t.rows - i : kQueryBlock, at = i / kQueryBlock * block;
    pack_as_rows(p.q, t.head, begin + i, rows, t.size, kQueryUnits, t.q + at);
    pack_as_rows(p.dy, t.head, begin + i, rows, t.size, kQueryUnits, t.dy + at);
  }
}

void take_keys(const Task& t, std::int64_t key, std::int64_t count) {
  pack_as_columns(t.p.k, t.head, key, count, t.size, t.k_columns);
  pack_as_columns(t.p.v, t.head, key, count, t.size, t.v_columns);
  if (t.part.dq) pack_as_rows(t.p.k, t.head, key, count, t.size, kBlockUnits, t.k);
  clear_row(t.dk, kKeyBlock * t.slivers * kLine);
  clear_row(t.dv, kKeyBlock * t.slivers * kLine);
}

// Scores and dP of one query become P M and dS, rounded; `i` counts the queries of the part.
void score_row(const Task& t, std::int64_t i, std::int64_t key, std::int64_t count, float* scores, const float* dp,
               BFloat16* probabilities, BFloat16* dscores) {
  const kernels::AttentionShape& shape = t.p.shape;
  const std::int64_t query = t.part.queries.begin + i;
  scale_and_hide(t.sight, scores, query, key, count, t.scale);
  const auto step = [&](std::int64_t j, auto&& dropped) {
    const Vec<float> p = exp(Vec<float>::load(scores + j) - t.largest[i]) * t.inverse[i];
    store_rounded(dropped(p), probabilities + j);
    store_rounded(p * (dropped(Vec<float>::load(dp + j)) - t.delta[i]), dscores + j);
  };
  if (shape.dropout > 0) {
    const Keep<float> keep(shape.key, shape.dropout);
    keep.for_each(t.head.dropout_index(shape, query, key), kKeyBlock,
                  [&](std::int64_t j, auto, auto mask) { step(j, [&](Vec<float> x) { return keep.apply(mask, x); }); });
  } else {
    for (int j = 0; j < kKeyBlock; j += kLanes) step(j, [](Vec<float> x) { return x; });
  }
}

// Two rows of bfloat16 side by side, in pairs.
void pair_rows(const BFloat16* rows, Unit* to) {
  for (std::int64_t j = 0; j < kKeyBlock; j += 2 * kLanes)
    gemm::Pairs::across_two(reinterpret_cast<const std::uint16_t*>(rows) + j, kKeyBlock, to + j);
}

// P M and dS of one strip, `at` rows into its block, and what the strip's dq gets from them.
void visit_strip(const Task& t, std::int64_t i, std::int64_t rows, std::int64_t at, std::int64_t key,
                 std::int64_t count) {
  alignas(64) float scores[kRows * kLine], dp[kRows * kLine];
  alignas(64) BFloat16 probabilities[kRows * kLine], dscores[kRows * kLine];
  const std::int64_t units = t.size / 2, query = t.part.queries.begin + i;
  multiply(rows_from(t.p.q, t.head, query), rows, t.k_columns, units, units, 1, scores, false);
  multiply(rows_from(t.p.dy, t.head, query), rows, t.v_columns, units, units, 1, dp, false);
  for (std::int64_t r = 0; r < rows; ++r) {
    score_row(t, i + r, key, count, scores + r * kLine, dp + r * kLine, probabilities + r * kLine, dscores + r * kLine);
  }
  for (std::int64_t r = rows; r < kRows; ++r) {
    __builtin_memset(probabilities + r * kLine, 0, 2 * kLine);
    __builtin_memset(dscores + r * kLine, 0, 2 * kLine);
  }
  for (std::int64_t r = 0; r < kRows && t.part.dkv; r += 2) {
    pair_rows(probabilities + r * kLine, t.probabilities + (at + r) / 2 * kKeyBlock);
    pair_rows(dscores + r * kLine, t.dscores + (at + r) / 2 * kKeyBlock);
  }
  if (!t.part.dq) return;
  const gemm::UnitsOfA left = {reinterpret_cast<const char*>(dscores), 2 * kLine, sizeof(Unit)};
  multiply(left, rows, t.k, kBlockUnits, (count + 1) / 2, t.slivers, t.dq + i * t.slivers * kLine, true);
}

// dk and dv of the first `keys` keys of the block, from pairs [first, units) of the block of queries at `block`.
void add_keys(const Task& t, std::int64_t block, std::int64_t first, std::int64_t units, std::int64_t keys) {
  const std::int64_t line = t.slivers * kLine, place = block * kQueryUnits * line + first * kLine;
  for (std::int64_t key = 0; key < keys; key += kRows) {
    const std::int64_t rows = keys - key < kRows ? keys - key : kRows, at = first * kKeyBlock + key;
    const auto left = [&](const Unit* x) {
      return gemm::UnitsOfA{reinterpret_cast<const char*>(x + at), sizeof(Unit), kKeyBlock * sizeof(Unit)};
    };
    multiply(left(t.probabilities), rows, t.dy + place, kQueryUnits, units - first, t.slivers, t.dv + key * line, true);
    multiply(left(t.dscores), rows, t.q + place, kQueryUnits, units - first, t.slivers, t.dk + key * line, true);
  }
}

// Queries [i, i + rows) of the part, a block of them, against the block of keys from `key` on.
void visit(const Task& t, std::int64_t i, std::int64_t rows, std::int64_t key) {
  std::int64_t first = -1, most = 0;
  for (std::int64_t r = 0; r < rows; r += kRows) {
    const std::int64_t strip = rows - r < kRows ? rows - r : kRows,
                       count = t.sight.extent(t.part.queries.begin + i + r, strip, key);
    if (count > 0) {
      if (first < 0) first = r / 2;
      most = larger(most, count);
      visit_strip(t, i + r, strip, r, key, count);
    } else if (first >= 0) {
      clear_row(reinterpret_cast<float*>(t.probabilities + r / 2 * kKeyBlock), kRows / 2 * kKeyBlock);
      clear_row(reinterpret_cast<float*>(t.dscores + r / 2 * kKeyBlock), kRows / 2 * kKeyBlock);
    }
  }
  if (first >= 0 && t.part.dkv) add_keys(t, i / kQueryBlock, first, (rows + 1) / 2, most);
}

void give_rows(const Task& t, const kernels::Strided& x, std::int64_t first, std::int64_t rows, const float* from) {
  for (std::int64_t r = 0; r < rows; ++r)
    store_row(from + r * t.slivers * kLine, x.data, DType::kBFloat16, t.head.element(x, first + r), t.size);
}

void run_part(const kernels::AttentionBackward& p, const AttentionPart& part) {
  const Task t = make_task(p, part);
  const std::int64_t line = t.slivers * kLine;
  take_queries(t);
  for (std::int64_t key = part.keys.begin; key < part.keys.end; key += kKeyBlock) {
    const std::int64_t count = smaller(part.keys.end - key, kKeyBlock);
    take_keys(t, key, count);
    for (std::int64_t i = 0; i < t.rows; i += kQueryBlock) visit(t, i, smaller(t.rows - i, kQueryBlock), key);
    if (!part.dkv) continue;
    scale_row(t.dk, t.scale, count * line);
    give_rows(t, p.dk, key, count, t.dk);
    give_rows(t, p.dv, key, count, t.dv);
  }
  if (!part.dq) return;
  scale_row(t.dq, t.scale, t.rows * line);
  give_rows(t, p.dq, part.queries.begin, t.rows, t.dq);
}

}  // namespace

bool backward(const kernels::AttentionBackward& p) {
  if (p.shape.dtype != DType::kBFloat16 || p.shape.head_dim % 2 != 0) return false;
  for_each_part(p.shape, p.pool, [&](const AttentionPart& part) { run_part(p, part); });
  return true;
}
#else
bool backward(const kernels::AttentionBackward&) { return false; }
#endif

}  // namespace wudao::WUDAO_ISA::pairs
