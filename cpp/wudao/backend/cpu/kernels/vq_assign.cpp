// The nearest code of every row: a product with the codebook whose pieces leave only the best of each row behind. Where
// the processor multiplies bytes, a look at the scores in 8 bits comes first (vq_filter.h); the answer is the same.
#include "wudao/backend/cpu/gemm/plain/panel.h"
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/kernels/codes.h"
#if defined(__AVX512VNNI__)
#include "wudao/backend/cpu/kernels/vq_candidates.h"
#endif

namespace wudao::WUDAO_ISA {
namespace {

constexpr std::int64_t kTileRows = 64;

// The best of some rows so far.
template <class T>
struct Best {
  T score[kTileRows];
  std::int32_t code[kTileRows];
};

// The first place in [0, size) where the score is `wanted`.
template <class T>
std::int64_t first_of(const T* sums, const T* halves, std::int64_t size, T wanted) {
  for (std::int64_t c = 0; c < size; ++c) {
    if (sums[c] - halves[c] == wanted) return c;
  }
  return 0;
}

template <class T>
void keep_best(const kernels::VqAssign& p, const gemm::Piece<T>& piece, Best<T>& best) {
  constexpr T kLeast = -static_cast<T>(__builtin_huge_val());
  const T* const halves = static_cast<const T*>(p.halves) + piece.col;
  for (std::int64_t r = 0; r < piece.rows; ++r) {
    const T* const sums = piece.sums + r * piece.line;
    Vec<T> most = Vec<T>::splat(kLeast);
    for_vectors<Vec<T>::kWidth>(0, piece.cols, [&](std::int64_t c, auto lanes) {
      most = larger_of(only(lanes, Vec<T>::load(sums + c, lanes) - Vec<T>::load(halves + c, lanes), kLeast), most);
    });
    const T m = maximum(most);
    if (!(m > best.score[piece.row + r])) continue;
    best.score[piece.row + r] = m;
    best.code[piece.row + r] = static_cast<std::int32_t>(piece.col + first_of(sums, halves, piece.cols, m));
  }
}

// The nearest codes of one tile of rows.
template <class T>
void search_tile(const kernels::VqAssign& p, const cpu::gemm::PackedB& book, std::int64_t tile) {
  const std::int64_t row = tile * kTileRows, rows = smaller(kTileRows, p.rows - row);
  Best<T> best;
  for (std::int64_t r = 0; r < rows; ++r) best.score[r] = -static_cast<T>(__builtin_huge_val()), best.code[r] = 0;
  const cpu::gemm::Operand z = {element(p.z, p.dtype, row * p.width), p.dtype, rows, p.width, p.width, 1};
  for (int panel = 0; panel < book.panels; ++panel) {
    gemm::multiply_panel<T>(z, book, panel, [&](const gemm::Piece<T>& piece) { keep_best(p, piece, best); });
  }
  __builtin_memcpy(p.nearest + row, best.code, static_cast<std::size_t>(rows) * sizeof(std::int32_t));
}

// All tiles that are not `done` yet; null: all.
template <class T>
void search(const kernels::VqAssign& p, const std::uint8_t* done) {
  const auto& book = cpu::packed_weight(plain_gemm, *p.packed, cpu::WeightUse::kForward,
                                        {p.book, p.codes, p.width, p.dtype}, *p.pool);
  parallel_for(p.pool, (p.rows + kTileRows - 1) / kTileRows, [&](std::int64_t tile) {
    if (done == nullptr || done[tile] == 0) search_tile<T>(p, book, tile);
  });
}

#if defined(__AVX512VNNI__)
// Searches with a look in 8 bits first. Returns for each tile whether it is done.
const std::uint8_t* filter(const kernels::VqAssign& p) {
  const RoundedBook book(p.work, p.codes, p.width);
  auto* const done = reinterpret_cast<std::uint8_t*>(book.below + book.count);
  auto* const fit = done + (p.rows + kTileRows - 1) / kTileRows;  // of each sliver
  parallel_for(p.pool, book.count / kBookSliver, [&](std::int64_t sliver) {
    fit[sliver] = 1;
    for (std::int64_t k = sliver * kBookSliver; k < (sliver + 1) * kBookSliver; ++k) {
      fit[sliver] &= static_cast<std::uint8_t>(round_code(p, book, k));
    }
  });
  const bool all = __builtin_memchr(fit, 0, static_cast<std::size_t>(book.count / kBookSliver)) == nullptr;
  parallel_for(p.pool, fit - done, [&](std::int64_t tile) {
    const std::int64_t row = tile * kTileRows;
    done[tile] = all && filter_rows(p, book, row, smaller(kTileRows, p.rows - row));
  });
  return done;
}

template <class T>
void assign(const kernels::VqAssign& p) {
  if (p.work == nullptr) return search<T>(p, nullptr);
  const std::uint8_t* const done = filter(p);
  const auto tiles = static_cast<std::size_t>((p.rows + kTileRows - 1) / kTileRows);
  if (__builtin_memchr(done, 0, tiles) != nullptr) search<T>(p, done);
}
#else
template <class T>
void assign(const kernels::VqAssign& p) {
  search<T>(p, nullptr);
}
#endif

}  // namespace

void vq_assign(const kernels::VqAssign& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) { assign<T>(p); });
}

}  // namespace wudao::WUDAO_ISA
