// What one task of attention over codes holds: its lines, as integers and as sums.
#pragma once

#include "wudao/backend/cpu/kernels/attention_cut.h"
#include "wudao/backend/cpu/kernels/attention_softmax.h"
#include "wudao/backend/cpu/kernels/cache_codes.h"
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/digits.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA::codes {

constexpr int kLanes = Vec<float>::kWidth;
constexpr std::int64_t kDigits = 2, kTogether = gemm::kRows / kDigits;

// Lines as integers, their digits one after the other, `depth` bytes each.
struct Rows {
  std::int8_t* digits;
  std::int32_t* sums;  // of each digit
  float* scales;
  std::int64_t depth;
};

// Queries [begin, begin + rows) of some heads, and the memory that they work on. Line h * rows + i is query i of
// head h.
struct Task {
  const kernels::AttentionForward& p;
  const AttentionPiece& piece;
  Sight sight;
  std::int64_t lines, size, stride;  // size of a head, and of its rows in whole groups of columns
  float *o, *largest, *sum;          // (lines, stride), (lines,), (lines, kLanes)
  Rows q;

  std::int64_t query(std::int64_t line) const { return piece.begin + line % piece.rows; }
  Head head(std::int64_t line) const { return {p.shape, piece.pair + line / piece.rows}; }
  HeadOfCodes block(std::int64_t line, std::int64_t key) const {
    return {p.cached, key, head(line).head, p.shape.heads, size};
  }
};

inline Task make_task(const kernels::AttentionForward& p, const AttentionPiece& piece) {
  const std::int64_t size = p.shape.head_dim, stride = kernels::cache_value_stride(size, DType::kUInt8);
  const std::int64_t lines = piece.heads * piece.rows, floats = lines * (stride + kLanes + 2 + kDigits);
  auto* const o = static_cast<float*>(cpu::workspace(cpu::Workspace::kAttention, 4 * floats + lines * kDigits * size));
  float* const sum = o + lines * stride;
  float* const largest = sum + lines * kLanes;
  float* const scales = largest + lines;
  auto* const sums = reinterpret_cast<std::int32_t*>(scales + lines);
  auto* const digits = reinterpret_cast<std::int8_t*>(sums + lines * kDigits);
  return {p,
          piece,
          Sight(p.shape, piece.pair / p.shape.heads),
          lines,
          size,
          stride,
          o,
          largest,
          sum,
          {digits, sums, scales, size}};
}

inline void start(const Task& t) {
  const kernels::AttentionForward& p = t.p;
  const float scale = static_cast<float>(1.0 / ::sqrt(static_cast<double>(t.size)));
  clear_row(t.o, t.lines * t.stride);
  clear_row(t.sum, t.lines * kLanes);
  for (std::int64_t l = 0; l < t.lines; ++l) {
    t.largest[l] = nothing<float>();
    as_stored<float>(p.q.data, p.shape.dtype, t.head(l).element(p.q, t.query(l)), [&](const auto* q) {
      t.q.scales[l] =
          scale * to_digits<kDigits>(q, t.size, 1, t.q.digits + l * kDigits * t.size, t.q.sums + l * kDigits);
    });
  }
}

inline void finish(const Task& t) {
  const kernels::AttentionForward& p = t.p;
  for (std::int64_t l = 0; l < t.lines; ++l) {
    const float total = sum(Vec<float>::load(t.sum + l * kLanes));
    float* const o = t.o + l * t.stride;
    scale_row(o, total > 0 ? 1 / total : 0.0f, t.stride);
    store_row(o, p.y.data, p.shape.dtype, t.head(l).element(p.y, t.query(l)), t.size);
  }
}

}  // namespace wudao::WUDAO_ISA::codes
