#include "wudao/backend/cpu/kernels/linear_int8.h"

#include "wudao/backend/cpu/kernels/codes_product.h"
#include "wudao/backend/cpu/kernels/linear_finish.h"
#include "wudao/backend/cpu/quantized.h"
#include "wudao/backend/cpu/simd/drawn_digits.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA {
namespace {

using gemm::kCodeCols;
using gemm::SliverOfCodes;

constexpr int kLanes = Vec<float>::kWidth;
constexpr float kLargestCode = 127.0f;

// A float weight (out, in), and the numbers that its rows are rounded by.
struct Weight {
  const float* data;
  std::int64_t out, in;
  philox::Key rounding;
};

// Columns of W^T, which are rows of W.
void pack_rows(const void* weight, std::int64_t sliver, char* to) {
  const Weight& w = *static_cast<const Weight*>(weight);
  const SliverOfCodes at(8, w.in);
  const std::int64_t first = sliver * kCodeCols, count = smaller(kCodeCols, w.out - first);
  auto* const codes = static_cast<std::int8_t*>(cpu::workspace(cpu::Workspace::kTile, kCodeCols * w.in));
  auto* const scales = reinterpret_cast<float*>(to);
  clear_row(scales, kCodeCols);
  for (std::int64_t c = 0; c < count; ++c) {
    std::int32_t sum;  // not needed of a weight
    scales[c] = draw_digits(w.data + (first + c) * w.in, w.in, w.rounding, static_cast<std::uint64_t>(first + c),
                            codes + c * w.in, &sum);
  }
  const gemm::Source<std::uint32_t> words = {reinterpret_cast<const std::uint32_t*>(codes), w.in / 4, count, 1,
                                             w.in / 4};
  gemm::pack_slivers<gemm::Words, UnsignedCodes>(words, reinterpret_cast<std::uint32_t*>(to + at.scale_bytes()));
}

// `count` values of a row, zeros behind them.
const float* whole_row(const float* row, std::int64_t count, float* padded) {
  if (count == kCodeCols) return row;
  clear_row(padded, kCodeCols);
  __builtin_memcpy(padded, row, static_cast<std::size_t>(count) * sizeof(float));
  return padded;
}

// The scales of 64 columns, and what to multiply their values by; a column of zeros has codes of zero.
void column_scales(const Weight& w, std::int64_t first, std::int64_t count, float* scales, float* inverse) {
  alignas(64) float padded[kCodeCols];
  Vec<float> most[kCodeCols / kLanes] = {}, wrong[kCodeCols / kLanes] = {};  // 0 * x is not 0 where x is not finite
  for (std::int64_t k = 0; k < w.out; ++k) {
    const float* row = whole_row(w.data + k * w.in + first, count, padded);
    for (int v = 0; v < kCodeCols / kLanes; ++v) {
      const Vec<float> x = Vec<float>::load(row + v * kLanes);
      most[v] = larger_of(magnitude(x), most[v]);
      wrong[v] += x * 0.0f;
    }
  }
  for (int v = 0; v < kCodeCols / kLanes; ++v) (most[v] + wrong[v]).store(scales + v * kLanes);
  for (std::int64_t c = 0; c < kCodeCols; ++c) {
    const bool usable = scales[c] > kSmallestScaled && scales[c] < __builtin_huge_valf();
    inverse[c] = usable ? kLargestCode / scales[c] : 0.0f;
    scales[c] = scales[c] / kLargestCode;
  }
}

// Columns of W. A word holds four codes of one column, from four rows.
void pack_columns(const void* weight, std::int64_t sliver, char* to) {
  const Weight& w = *static_cast<const Weight*>(weight);
  const std::int64_t first = sliver * kCodeCols, count = smaller(kCodeCols, w.in - first);
  alignas(64) float inverse[kCodeCols], padded[kCodeCols];
  column_scales(w, first, count, reinterpret_cast<float*>(to), inverse);
  auto* words = reinterpret_cast<std::uint32_t*>(to + SliverOfCodes(8, w.out).scale_bytes());
  for (std::int64_t k = 0; k < w.out; k += 4, words += kCodeCols) {
    Integers sums[kCodeCols / kLanes] = {};
    for (int d = 0; d < 4; ++d) {
      const float* row = whole_row(w.data + (k + d) * w.in + first, count, padded);
      for (int v = 0; v < kCodeCols / kLanes; ++v) {
        const Vec<float> x = Vec<float>::load(row + v * kLanes) * Vec<float>::load(inverse + v * kLanes);
        sums[v] |= (nearest(rounded(x)) + 128) << (8 * d);
      }
    }
    for (int v = 0; v < kCodeCols / kLanes; ++v) __builtin_memcpy(words + v * kLanes, &sums[v], sizeof sums[v]);
  }
}

const char* codes_of(cpu::CodesOf of, const Weight& weight, PackedForms& forms, ThreadPool& pool) {
  const bool rows = of == cpu::CodesOf::kRows;
  const auto fill = rows ? &pack_rows : &pack_columns;
  const std::int64_t columns = rows ? weight.out : weight.in;
  const cpu::CodesLayout layout = {reinterpret_cast<const void*>(fill), (columns + kCodeCols - 1) / kCodeCols,
                                   SliverOfCodes(8, rows ? weight.in : weight.out).bytes(), fill, weight.rounding};
  return cpu::packed_codes(forms, of, layout, &weight, pool);
}

const char* forward_codes_of(const kernels::LinearForward& p) {
  return codes_of(cpu::CodesOf::kRows, {static_cast<const float*>(p.weight), p.out, p.in, p.rounding}, *p.packed,
                  *p.pool);
}

}  // namespace

void pack_int8(const kernels::LinearForward& p) { forward_codes_of(p); }

void forward_int8(const kernels::LinearForward& p) {
  const char* const codes = forward_codes_of(p);
  const philox::Key rounding = {p.rounding.seed, p.rounding.step, p.rounding.stream + kernels::kInputRounding};
  const Drawing drawing = {&rounding, p.first_row};
  with_type_like<float>(p.compute, [&]<class S>(Type<S>) {
    multiply_codes<1>({p.x, p.compute, p.work, p.rows, p.in, p.out, p.pool, drawing}, SliverOfCodes(8, p.in), codes,
                      [&](const gemm::Piece<float>& piece) { finish_linear<S>(p, piece); });
  });
}

void make_dx_int8(const kernels::LinearBackward& p) {
  const Weight weight = {static_cast<const float*>(p.weight), p.out, p.in, {}};
  const char* const codes = codes_of(cpu::CodesOf::kColumns, weight, *p.packed, *p.pool);
  multiply_codes<1>({p.du, p.compute, p.digits, p.rows, p.out, p.in, p.pool}, SliverOfCodes(8, p.out), codes,
                    [&](const gemm::Piece<float>& piece) {
                      for (std::int64_t r = 0; r < piece.rows; ++r) {
                        store_row(piece.sums + r * piece.line, p.dx, p.compute, (piece.row + r) * p.in + piece.col,
                                  piece.cols);
                      }
                    });
}

}  // namespace wudao::WUDAO_ISA
