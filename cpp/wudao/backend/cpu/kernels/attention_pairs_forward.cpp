// y = softmax(q k^T / sqrt(D)) v in bfloat16: six queries against one block of keys at a time, with the online softmax
// of attention_forward.cpp.
#include <cmath>

#include "wudao/backend/cpu/kernels/attention_cut.h"
#include "wudao/backend/cpu/kernels/attention_pairs.h"
#include "wudao/backend/cpu/kernels/attention_softmax.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA::pairs {

#if defined(__AVX512BF16__)
namespace {

constexpr int kLanes = Vec<float>::kWidth;

// Queries [begin, begin + rows) of one head, and the memory that they work on.
struct Task {
  const kernels::AttentionForward& p;
  Head head;
  Sight sight;
  std::int64_t begin, rows, slivers;
  float scale;
  float *o, *largest, *sum;  // (rows, slivers * kLine), (rows,), (rows, kLanes)
  Unit *keys, *values;       // (size / 2, kLine); slivers of (kBlockUnits, kLine)
};

std::int64_t bytes_of(const kernels::AttentionShape& shape, std::int64_t rows) {
  const std::int64_t line = slivers_of(shape.head_dim) * kLine;
  return 4 * (rows * (line + kLanes) + whole_vectors<float>(rows) + shape.head_dim / 2 * kLine + kBlockUnits * line);
}

Task make_task(const kernels::AttentionForward& p, const AttentionPiece& piece, std::int64_t number, char* memory) {
  const std::int64_t slivers = slivers_of(p.shape.head_dim);
  const Head head(p.shape, piece.pair + number);
  float* o = reinterpret_cast<float*>(memory + number * bytes_of(p.shape, piece.rows));
  float* sum = o + piece.rows * slivers * kLine;
  float* largest = sum + piece.rows * kLanes;
  Unit* keys = reinterpret_cast<Unit*>(largest + whole_vectors<float>(piece.rows));
  return {p,
          head,
          Sight(p.shape, head.sample),
          piece.begin,
          piece.rows,
          slivers,
          static_cast<float>(1.0 / ::sqrt(static_cast<double>(p.shape.head_dim))),
          o,
          largest,
          sum,
          keys,
          keys + p.shape.head_dim / 2 * kLine};
}

void start(const Task& t) {
  clear_row(t.o, t.rows * t.slivers * kLine);
  clear_row(t.sum, t.rows * kLanes);
  for (std::int64_t i = 0; i < t.rows; ++i) t.largest[i] = nothing<float>();
}

// Scores of one query become exp(score - reference), rounded; `sum`, one value per lane, shrinks and takes them in.
void soften(const Task& t, float* scores, std::int64_t row, std::int64_t key, float reference, float factor,
            BFloat16* out) {
  float* const sum = t.sum + row * kLanes;
  Vec<float> total = Vec<float>::load(sum) * factor;
  const bool drops = t.p.shape.dropout > 0;
  for (int j = 0; j < kKeyBlock; j += kLanes) {
    const Vec<float> e = exp(Vec<float>::load(scores + j) - reference);
    total += e;
    if (drops) {
      e.store(scores + j);
    } else {
      store_rounded(e, out + j);
    }
  }
  total.store(sum);
  if (!drops) return;
  const kernels::AttentionShape& shape = t.p.shape;
  dropout_in_place(scores, shape.key, shape.dropout, t.head.dropout_index(shape, t.begin + row, key), kKeyBlock);
  for (int j = 0; j < kKeyBlock; j += kLanes) store_rounded(Vec<float>::load(scores + j), out + j);
}

// A block of keys and values as the tile reads them.
struct Block {
  const Unit *keys, *values;
};

// Queries [i, i + rows) of the task against the block of keys from `key` on, of which `count` concern them.
void visit(const Task& t, const Block& block, std::int64_t i, std::int64_t rows, std::int64_t key, std::int64_t count) {
  alignas(64) float scores[kRows * kLine];
  alignas(64) BFloat16 probabilities[kRows * kLine];
  const std::int64_t units = t.p.shape.head_dim / 2;
  multiply(rows_from(t.p.q, t.head, t.begin + i), rows, block.keys, units, units, 1, scores, false);
  alignas(64) float largest[kStrip];
  for (std::int64_t r = 0; r < rows; ++r)
    largest[r] = scale_and_hide(t.sight, scores + r * kLine, t.begin + i + r, key, count, t.scale);
  Scale<float> scale;
  raise(t.largest + i, largest, rows, scale);
  float* const o = t.o + i * t.slivers * kLine;
  for (std::int64_t r = 0; r < rows; ++r) {
    soften(t, scores + r * kLine, i + r, key, scale.reference[r], scale.factor[r], probabilities + r * kLine);
    if (scale.factor[r] != 1) scale_row(o + r * t.slivers * kLine, scale.factor[r], t.slivers * kLine);
  }
  const gemm::UnitsOfA left = {reinterpret_cast<const char*>(probabilities), 2 * kLine, sizeof(Unit)};
  multiply(left, rows, block.values, kBlockUnits, (count + 1) / 2, t.slivers, o, true);
}

Block take_block(const Task& t, std::int64_t key, std::int64_t end) {
  const kernels::AttentionForward& p = t.p;
  const std::int64_t size = p.shape.head_dim;
  if (p.cached.blocks != nullptr) {
    const std::byte* const head = p.cached.head(key, t.head.head, size);
    return {reinterpret_cast<const Unit*>(head),
            reinterpret_cast<const Unit*>(head + kernels::cache_key_bytes(size, DType::kBFloat16))};
  }
  const std::int64_t count = end - key < kKeyBlock ? end - key : kKeyBlock;
  pack_as_columns(p.k, t.head, key, count, size, t.keys);
  pack_as_rows(p.v, t.head, key, count, size, kBlockUnits, t.values);
  return {t.keys, t.values};
}

// All queries of the task against the block of keys from `key` on, where they see any of it.
void visit_block(const Task& t, std::int64_t key, std::int64_t end) {
  Block block = {nullptr, nullptr};
  for (std::int64_t i = 0; i < t.rows; i += kRows) {
    const std::int64_t rows = t.rows - i < kRows ? t.rows - i : kRows;
    const std::int64_t count = t.sight.extent(t.begin + i, rows, key);
    if (count == 0) continue;
    if (block.keys == nullptr) block = take_block(t, key, end);
    visit(t, block, i, rows, key, count);
  }
}

void finish(const Task& t) {
  const kernels::AttentionForward& p = t.p;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    const float total = sum(Vec<float>::load(t.sum + i * kLanes));
    float* o = t.o + i * t.slivers * kLine;
    scale_row(o, total > 0 ? 1 / total : 0.0f, t.slivers * kLine);
    store_row(o, p.y.data, p.shape.dtype, t.head.element(p.y, t.begin + i), p.shape.head_dim);
    if (p.softmax == nullptr) continue;
    float* const largest = static_cast<float*>(p.softmax) + t.head.row(p.shape, t.begin + i);
    largest[0] = t.largest[i];
    largest[p.shape.batch * p.shape.heads * p.shape.queries] = total;
  }
}

}  // namespace

bool forward(const kernels::AttentionForward& p) {
  if (p.shape.dtype != DType::kBFloat16 || p.shape.head_dim % 2 != 0) return false;
  for_each_piece(p.shape, p.pool, p.cached.blocks != nullptr, [&](const AttentionPiece& piece) {
    char* const memory =
        static_cast<char*>(cpu::workspace(cpu::Workspace::kAttention, piece.heads * bytes_of(p.shape, piece.rows)));
    const std::int64_t end = Sight(p.shape, piece.pair / p.shape.heads).limit(piece.begin + piece.rows - 1);
    for (std::int64_t h = 0; h < piece.heads; ++h) start(make_task(p, piece, h, memory));
    for (std::int64_t key = 0; key < end; key += kKeyBlock) {
      for (std::int64_t h = 0; h < piece.heads; ++h) visit_block(make_task(p, piece, h, memory), key, end);
    }
    for (std::int64_t h = 0; h < piece.heads; ++h) finish(make_task(p, piece, h, memory));
  });
  return true;
}
#else
bool forward(const kernels::AttentionForward&) { return false; }
#endif

}  // namespace wudao::WUDAO_ISA::pairs
