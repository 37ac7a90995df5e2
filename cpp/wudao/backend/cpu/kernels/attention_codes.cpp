// y = softmax(q k^T / sqrt(D)) v with keys and values of 8 bits, some lines (queries of one head, or the single query
// of several heads) against one block of keys at a time.
//
// Queries become integers of two digits with one scale each; so do probabilities, times the scales of their values, of
// each line and block. The sums of integers are exact, so a query has the same bits whatever stands beside it.
#include "wudao/backend/cpu/kernels/attention_codes.h"

#include "wudao/backend/cpu/gemm/plain/tile_rows.h"
#include "wudao/backend/cpu/kernels/attention_codes_task.h"
#include "wudao/backend/cpu/kernels/attention_cut.h"

namespace wudao::WUDAO_ISA {
namespace {

using namespace codes;
using gemm::VF32;
using gemm::VI32;

// Sums of digits of rows from `row` on times codes: c (rows, digits, cols). `used` of the units count.
void multiply(const Rows& a, std::int64_t row, std::int64_t rows, const std::uint32_t* codes, std::int64_t units,
              std::int64_t used, std::int64_t cols, std::int32_t* c) {
  const gemm::UnitsOfA left = {reinterpret_cast<const char*>(a.digits) + row * kDigits * a.depth, a.depth,
                               kernels::kCacheUnit};
  for (std::int64_t col = 0; col < cols; col += gemm::kCodeCols, codes += units * gemm::kCodeCols) {
    gemm::tile_of_rows<gemm::Codes>(static_cast<int>(rows * kDigits), used, left, codes, c + col, cols, gemm::kCodeCols,
                                    false, nullptr);
  }
}

// What `digits` sums of columns from `col` on say, times `scale`.
VF32 value_at(const std::int32_t* c, std::int64_t cols, std::int64_t col, const std::int32_t* digit_sums, VF32 scale) {
  const VI32 sums[kDigits] = {gemm::load<VI32>(c + col), gemm::load<VI32>(c + cols + col)};
  return gemm::whole_of(sums, digit_sums, 1, gemm::offset_of(8)) * scale;
}

// Scores of a line against a block; -inf where it does not see, or beyond `count` keys. Returns the largest.
float make_scores(const Task& t, std::int64_t line, const std::int32_t* products, const float* key_scales,
                  std::int64_t key, std::int64_t count, float* scores) {
  for (std::int64_t j = 0; j < kKeyBlock; j += gemm::kWidth<gemm::F32>) {
    const VF32 scale = gemm::load<VF32>(key_scales + j) * t.q.scales[line];
    gemm::store(scores + j, value_at(products, kKeyBlock, j, t.q.sums + line * kDigits, scale));
  }
  const std::int64_t query = t.query(line);
  if (!t.sight.sees_all(query, key, kKeyBlock)) {
    t.sight.hide(scores, query, key, count, nothing<float>());
    for (std::int64_t j = count; j < kKeyBlock; ++j) scores[j] = nothing<float>();
  }
  return largest_of_row(scores, kKeyBlock);
}

// Scores become exp(score - reference) times the scale of their value; `sum`, one a lane, shrinks and takes the
// exponentials in. What is not seen stays zero beside values that are not finite.
void soften(float* scores, const float* value_scales, float reference, float factor, float* sum) {
  Vec<float> total = Vec<float>::load(sum) * factor;
  for (int j = 0; j < kKeyBlock; j += kLanes) {
    const Vec<float> e = exp(Vec<float>::load(scores + j) - reference);
    total += e;
    select(e == 0.0f, e, e * Vec<float>::load(value_scales + j)).store(scores + j);
  }
  total.store(sum);
}

// o = o * factor + weights times values
void add_values(const std::int32_t* products, std::int64_t stride, const std::int32_t* digit_sums, float scale,
                float factor, float* o) {
  for (std::int64_t d = 0; d < stride; d += gemm::kWidth<gemm::F32>) {
    const VF32 value = value_at(products, stride, d, digit_sums, VF32{} + scale);
    gemm::store(o + d, gemm::load<VF32>(o + d) * factor + value);
  }
}

// Asks for memory that is read soon.
void fetch(const void* from, std::int64_t bytes) {
  for (std::int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(static_cast<const char*>(from) + i);
}

// What a visit works with: of each line the scores, then the weights of the values, and sums of products.
struct Tile {
  alignas(64) float scores[kStrip * kKeyBlock];
  alignas(64) std::int8_t digits[kStrip * kDigits * kKeyBlock];
  std::int32_t sums[kStrip * kDigits];
  float scales[kStrip], largest[kStrip] = {};
  std::int32_t* products;
};

void make_weights(const Task& t, Tile& tile, std::int64_t line, std::int64_t lines, std::int64_t key,
                  std::int64_t count, Scale<float>& scale) {
  for (std::int64_t l = 0; l < lines; ++l) {
    tile.largest[l] = make_scores(t, line + l, tile.products + l * kDigits * kKeyBlock,
                                  t.block(line + l, key).key_scales, key, count, tile.scores + l * kKeyBlock);
  }
  raise(t.largest + line, tile.largest, lines, scale);
  for (std::int64_t l = 0; l < lines; ++l) {
    soften(tile.scores + l * kKeyBlock, t.block(line + l, key).value_scales, scale.reference[l], scale.factor[l],
           t.sum + (line + l) * kLanes);
  }
  for (std::int64_t l = 0; l < lines; ++l) {
    tile.scales[l] = to_digits<kDigits>(tile.scores + l * kKeyBlock, kKeyBlock, 1,
                                        tile.digits + l * kDigits * kKeyBlock, tile.sums + l * kDigits);
  }
}

// Lines [line, line + lines) of the task, `together` of them of one head, against the block of keys from `key` on, of
// which `count` concern them.
void visit(const Task& t, std::int64_t line, std::int64_t lines, std::int64_t together, std::int64_t key,
           std::int64_t count, bool more) {
  const std::int64_t units = t.size / kernels::kCacheUnit, wide = t.stride > kKeyBlock ? t.stride : kKeyBlock;
  const std::int64_t next = more ? key + kKeyBlock : key, half = kernels::cache_key_bytes(t.size, DType::kUInt8);
  Tile tile;
  tile.products = static_cast<std::int32_t*>(
      cpu::workspace(cpu::Workspace::kTile, kStrip * kDigits * wide * static_cast<std::int64_t>(sizeof(std::int32_t))));
  for (std::int64_t l = 0; l < lines; l += together) {
    fetch(t.block(line + l, next).key_scales, half);
    multiply(t.q, line + l, together, t.block(line + l, key).keys, units, units, kKeyBlock,
             tile.products + l * kDigits * kKeyBlock);
  }
  Scale<float> scale;
  make_weights(t, tile, line, lines, key, count, scale);
  const Rows weights = {tile.digits, tile.sums, tile.scales, kKeyBlock};
  const std::int64_t used = (count + kernels::kCacheUnit - 1) / kernels::kCacheUnit;
  for (std::int64_t l = 0; l < lines; l += together) {
    fetch(t.block(line + l, next).value_scales, half);
    multiply(weights, l, together, t.block(line + l, key).values, kTokenUnits, used, t.stride,
             tile.products + l * kDigits * t.stride);
  }
  for (std::int64_t l = 0; l < lines; ++l) {
    add_values(tile.products + l * kDigits * t.stride, t.stride, tile.sums + l * kDigits, tile.scales[l],
               scale.factor[l], t.o + (line + l) * t.stride);
  }
}

// All lines of the task against the block of keys from `key` on, where they see any of it.
void visit_block(const Task& t, std::int64_t key, bool more) {
  if (t.piece.rows == 1) {
    const std::int64_t count = t.sight.extent(t.piece.begin, 1, key);
    for (std::int64_t l = 0; l < t.lines && count > 0; l += kStrip)
      visit(t, l, t.lines - l < kStrip ? t.lines - l : kStrip, 1, key, count, more);
    return;
  }
  for (std::int64_t l = 0; l < t.lines;) {
    const std::int64_t left = t.piece.rows - l % t.piece.rows, lines = left < kTogether ? left : kTogether;
    const std::int64_t count = t.sight.extent(t.query(l), lines, key);
    if (count > 0) visit(t, l, lines, lines, key, count, more);
    l += lines;
  }
}

}  // namespace

void attention_codes(const kernels::AttentionForward& p) {
  for_each_piece(p.shape, p.pool, false, [&](const AttentionPiece& piece) {
    const Task t = make_task(p, piece);
    const std::int64_t end = t.sight.limit(piece.begin + piece.rows - 1);
    start(t);
    for (std::int64_t key = 0; key < end; key += kKeyBlock) visit_block(t, key, key + kKeyBlock < end);
    finish(t);
  });
}

}  // namespace wudao::WUDAO_ISA
