// The codes that may be nearest to a row, as they come by.
#pragma once

#include "wudao/backend/cpu/gemm/plain/rows.h"
#include "wudao/backend/cpu/kernels/vq_filter.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA {

struct Candidates {
  static constexpr int kMost = 96;
  float least;  // the best score is at least this
  int count;
  float above[kMost];
  std::int32_t code[kMost];

  void clear() { least = -3.4e38f, count = 0; }

  // Without those that another one has left behind.
  void sift() {
    int kept = 0;
    for (int i = 0; i < count; ++i) {
      if (above[i] < least) continue;
      above[kept] = above[i], code[kept++] = code[i];
    }
    count = kept;
  }

  // Returns whether there was room.
  bool add(float bound, std::int64_t number) {
    if (count == kMost) sift();
    if (count == kMost) return false;
    above[count] = bound, code[count++] = static_cast<std::int32_t>(number);
    return true;
  }
};

// Looks at the codes of one sliver. Returns false where they are too many to be looked at exactly.
inline bool look(const RoundedBook& book, const FilteredRow& row, const std::int32_t* sums, std::int64_t first,
                 Candidates& found) {
  constexpr int kWidth = Vec<float>::kWidth, kVectors = kBookSliver / kWidth;
  alignas(64) float above[kBookSliver];
  Vec<float> most = Vec<float>::splat(-__builtin_huge_valf());
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    const Vec<float> bound = bound_of<1>(book, row, sums + v * kWidth, first + v * kWidth);
    bound.store(above + v * kWidth);
    most = larger_of(bound, most);
  }
  if (maximum(most) < found.least) return true;
  Vec<float> least = Vec<float>::splat(found.least);
  for (int v = 0; v < kVectors; ++v)
    least = larger_of(bound_of<-1>(book, row, sums + v * kWidth, first + v * kWidth), least);
  found.least = maximum(least);
  for (int c = 0; c < kBookSliver; ++c) {
    if (above[c] >= found.least && !found.add(above[c], first + c)) return false;
  }
  return true;
}

constexpr int kTogether = 8;  // exact scores that are made side by side: one alone would wait for each of its sums

// The scores of some codes, which are those of the plain product to the last bit: each block of K is summed from its
// first product to its last, and the blocks are added in order.
inline void exact_scores(const kernels::VqAssign& p, const float* z, const std::int32_t* codes, int count,
                         float* scores) {
  const float* e[kTogether];
  for (int i = 0; i < kTogether; ++i)
    e[i] = static_cast<const float*>(p.book) + codes[i < count ? i : 0] * p.width;
  for (std::int64_t k = 0; k < p.width; k += gemm::kBlock) {
    float sums[kTogether] = {};
    for (std::int64_t j = k; j < smaller(k + gemm::kBlock, p.width); ++j) {
#pragma GCC unroll 8
      for (int i = 0; i < kTogether; ++i) sums[i] = __builtin_fmaf(z[j], e[i][j], sums[i]);
    }
    for (int i = 0; i < kTogether; ++i) scores[i] = k == 0 ? sums[i] : scores[i] + sums[i];
  }
  for (int i = 0; i < count; ++i) scores[i] -= static_cast<const float*>(p.halves)[codes[i]];
}

// The first of the candidates with the largest score.
inline std::int32_t best_of(const kernels::VqAssign& p, const float* z, Candidates& found) {
  found.sift();
  if (found.count == 1) return found.code[0];
  float best = -__builtin_huge_valf();
  std::int32_t code = 0;
  for (int first = 0; first < found.count; first += kTogether) {
    const int count = found.count - first < kTogether ? found.count - first : kTogether;
    float scores[kTogether];
    exact_scores(p, z, found.code + first, count, scores);
    for (int i = 0; i < count; ++i) {
      if (scores[i] > best) best = scores[i], code = found.code[first + i];
    }
  }
  return code;
}

// What is held of a tile of rows while the book passes by.
struct FilterTile {
  static constexpr std::int64_t kMostRows = 64;
  alignas(64) std::int8_t digits[kMostRows * kernels::kMostFiltered];
  FilteredRow rows[kMostRows];
  Candidates found[kMostRows];

  // Returns whether the rows can be compared.
  bool round(const float* z, std::int64_t count, std::int64_t width, std::int64_t line) {
    bool usable = true;
    __builtin_memset(digits, 0, static_cast<std::size_t>(count * line));
    for (std::int64_t r = 0; r < count; ++r) {
      const RoundedRow row = round_row(z + r * width, width, digits + r * line);
      usable &= row.usable();
      rows[r] = filtered(row, width);
      found[r].clear();
    }
    return usable;
  }
};

// The nearest codes of some rows, at most FilterTile::kMostRows. Returns false where they have too many candidates, or
// numbers too large to be bounded.
inline bool filter_rows(const kernels::VqAssign& p, const RoundedBook& book, std::int64_t first, std::int64_t count) {
  auto& tile = *static_cast<FilterTile*>(cpu::workspace(cpu::Workspace::kTile, sizeof(FilterTile)));
  const auto* const z = static_cast<const float*>(p.z) + first * p.width;
  const std::int64_t line = 4 * book.units;
  if (!tile.round(z, count, p.width, line)) return false;
  alignas(64) std::int32_t sums[gemm::kRows * kBookSliver];
  for (std::int64_t k = 0; k < book.count; k += kBookSliver) {
    for (std::int64_t r = 0; r < count; r += gemm::kRows) {
      const std::int64_t some = smaller(gemm::kRows, count - r);
      const gemm::UnitsOfA digits = {reinterpret_cast<const char*>(tile.digits) + r * line, line, 4};
      gemm::tile_of_rows<gemm::Codes>(static_cast<int>(some), book.units, digits, book.slivers + k * book.units, sums,
                                      kBookSliver, kBookSliver, false);
      for (std::int64_t i = 0; i < some; ++i) {
        if (!look(book, tile.rows[r + i], sums + i * kBookSliver, k, tile.found[r + i])) return false;
      }
    }
  }
  for (std::int64_t r = 0; r < count; ++r) p.nearest[first + r] = best_of(p, z + r * p.width, tile.found[r]);
  return true;
}

}  // namespace wudao::WUDAO_ISA
