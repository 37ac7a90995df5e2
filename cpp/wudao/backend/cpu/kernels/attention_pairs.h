// Attention in bfloat16 by dot products of pairs: the register tile of the packed product, on operands of one head.
//
// Scores and probabilities are float32 where they are made; probabilities and their gradients are rounded to bfloat16
// when they become the factor of a product, as every input of a bfloat16 product is. Needs an even head size: a row of
// a head is then a row of pairs where it lies.
#pragma once

#include "wudao/backend/cpu/gemm/plain/rows.h"
#include "wudao/backend/cpu/gemm/plain/tile_rows.h"
#include "wudao/backend/cpu/kernels/attention.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"

namespace wudao::WUDAO_ISA::pairs {

#if defined(__AVX512BF16__)

using gemm::Dot;
using Unit = std::uint32_t;  // two bfloat16

constexpr std::int64_t kRows = gemm::kRows;          // queries that go through a block of keys together
constexpr std::int64_t kLine = gemm::kSliver<Dot>;   // columns of a tile
constexpr std::int64_t kBlockUnits = kKeyBlock / 2;  // pairs of keys in a block
static_assert(kLine == kKeyBlock && kRows % 2 == 0);

constexpr std::int64_t slivers_of(std::int64_t size) { return (size + kLine - 1) / kLine; }

inline const std::uint16_t* row_of(const kernels::Strided& x, const Head& head, std::int64_t t) {
  return static_cast<const std::uint16_t*>(x.data) + head.element(x, t);
}

// Rows from `t` on as the tile reads them.
inline gemm::UnitsOfA rows_from(const kernels::Strided& x, const Head& head, std::int64_t t) {
  return {reinterpret_cast<const char*>(row_of(x, head, t)), 2 * x.row, sizeof(Unit)};
}

// `count` rows of a head as columns, their elements in pairs: (size / 2, kLine); columns from `count` on are zero.
inline void pack_as_columns(const kernels::Strided& x, const Head& head, std::int64_t t, std::int64_t count,
                            std::int64_t size, Unit* to) {
  gemm::pack_slivers<Dot, gemm::Pairs>({row_of(x, head, t), size, count, 1, x.row}, to);
}

// `count` rows of a head in pairs of rows: slivers of (`units`, kLine); what lies beyond the rows and the head is zero.
inline void pack_as_rows(const kernels::Strided& x, const Head& head, std::int64_t t, std::int64_t count,
                         std::int64_t size, std::int64_t units, Unit* to) {
  const std::int64_t filled = (count + 1) / 2;
  for (std::int64_t s = 0; s < slivers_of(size); ++s, to += units * kLine) {
    const std::int64_t left = size - s * kLine;
    gemm::pack_slivers<Dot, gemm::Pairs>({row_of(x, head, t) + s * kLine, count, left < kLine ? left : kLine, x.row, 1},
                                         to);
    __builtin_memset(to + filled * kLine, 0, static_cast<std::size_t>((units - filled) * kLine) * sizeof(Unit));
  }
}

// c (+)= rows of A times slivers of B whose units lie `units` lines apart; `used` of them count.
inline void multiply(const gemm::UnitsOfA& a, std::int64_t rows, const Unit* b, std::int64_t units, std::int64_t used,
                     std::int64_t slivers, float* c, bool add) {
  for (std::int64_t s = 0; s < slivers; ++s) {
    gemm::tile_of_rows<Dot>(static_cast<int>(rows), used, a, b + s * units * kLine, c + s * kLine, slivers * kLine,
                            kLine, add);
  }
}

// Rounds to bfloat16; what is subnormal becomes zero.
WUDAO_INLINE void store_rounded(Vec<float> x, BFloat16* to) {
  store_raw<std::uint16_t, Vec<float>::kWidth>(&to->bits, bits_as<Vector<std::uint16_t, 16>>(_mm512_cvtneps_pbh(x.v)),
                                               All{});
}

// Scores times `scale`, with -inf where the query does not see; `count` keys concern its strip. Returns the largest.
inline float scale_and_hide(const Sight& sight, float* scores, std::int64_t query, std::int64_t key, std::int64_t count,
                            float scale) {
  constexpr float kNothing = -__builtin_huge_valf();
  constexpr int kN = Vec<float>::kWidth;
  Vec<float> most = Vec<float>::splat(kNothing);
  if (sight.sees_all(query, key, kKeyBlock)) {
    for (int j = 0; j < kKeyBlock; j += kN) {
      const Vec<float> s = Vec<float>::load(scores + j) * scale;
      s.store(scores + j);
      most = larger_of(s, most);
    }
    return maximum(most);
  }
  for (int j = 0; j < kKeyBlock; j += kN) (Vec<float>::load(scores + j) * scale).store(scores + j);
  sight.hide(scores, query, key, count, kNothing);
  for (std::int64_t j = count; j < kKeyBlock; ++j) scores[j] = kNothing;
  return largest_of_row(scores, kKeyBlock);
}

#endif

// Do the work if these kernels can, and say whether they did: for bfloat16, an even head size, and the instructions.
bool forward(const kernels::AttentionForward& p);
bool backward(const kernels::AttentionBackward& p);

}  // namespace wudao::WUDAO_ISA::pairs
