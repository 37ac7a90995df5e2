// The loops around the register tile. Compiled once per instruction set.
//
// K is cut into blocks of kBlock units, so that a sliver of the block stays in the first-level cache while all rows
// pass over it; each block's sums are added to C, in order.
#include "wudao/backend/cpu/gemm/plain/kernels.h"

#include "wudao/backend/cpu/gemm/plain/pack.h"
#include "wudao/backend/cpu/gemm/plain/tile.h"

namespace wudao::WUDAO_ISA::gemm {
namespace {

using cpu::gemm::Operand;
using cpu::gemm::Result;

constexpr std::int64_t kBlock = 256;            // units of K per block
constexpr std::int64_t kRowBlock = 43 * kRows;  // rows of A at a time: up to 256 in one go
constexpr std::int64_t kColBlock = 256;         // columns of an unpacked B at a time

struct Work {
  alignas(64) char a[(kRowBlock * kBlock + 2) * sizeof(double)];
  alignas(64) char b[kColBlock * kBlock * sizeof(double)];
};

template <class Element>
Source<Element> source_of_b(const Operand& b) {
  return {static_cast<const Element*>(b.data), b.rows, b.cols, b.row_stride, b.col_stride};
}

template <class Element>
Source<Element> block_of(const Source<Element>& x, std::int64_t k0, std::int64_t depth, std::int64_t j0,
                         std::int64_t width) {
  return {x.data + k0 * x.k_stride + j0 * x.stride, smaller(depth, x.depth - k0), smaller(width, x.width - j0),
          x.k_stride, x.stride};
}

// Rows of A as the tile reads them: in place when they are units already, else packed into `work`.
template <class Kind, class From>
UnitsOfA units_of_a(const Source<typename From::Element>& a, void* work, bool& packed) {
  using Unit = typename Kind::Unit;
  constexpr bool kSameBits = Kind::kDepth * sizeof(typename From::Element) == sizeof(Unit);
  packed = !(kSameBits && a.k_stride == 1 && a.depth % Kind::kDepth == 0);
  if (!packed)
    return {reinterpret_cast<const char*>(a.data), a.stride * static_cast<std::int64_t>(sizeof(*a.data)), sizeof(Unit)};
  pack_rows<Kind, From>(a, static_cast<Unit*>(work));
  return {static_cast<const char*>(work), sizeof(Unit), kRows * sizeof(Unit)};
}

// C (+)= rows of A times the slivers of one block of K; `sliver_units` is the distance of slivers.
template <class Kind>
struct Block {
  UnitsOfA a;
  bool packed_a;
  const typename Kind::Unit* b;
  std::int64_t sliver_units, units, rows, cols;
  typename Kind::Sum* c;
  std::int64_t c_stride;
  bool add;
};

template <class Kind>
void multiply_block(const Block<Kind>& t) {
  const std::int64_t row_step = t.packed_a ? t.units * t.a.k_stride / kRows : t.a.row_stride;
  for (std::int64_t j = 0; j < t.cols; j += kSliver<Kind>) {
    const auto* sliver = t.b + j / kSliver<Kind> * t.sliver_units;
    const std::int64_t cols = smaller(kSliver<Kind>, t.cols - j);
    for (std::int64_t i = 0; i < t.rows; i += kRows) {
      const UnitsOfA rows = {t.a.data + i * row_step, t.a.row_stride, t.a.k_stride};
      const int count = static_cast<int>(smaller(kRows, t.rows - i));
      tile_of_rows<Kind>(count, t.units, rows, sliver, t.c + i * t.c_stride + j, t.c_stride, cols, t.add);
    }
  }
}

// Calls f(block) for every block of rows and of K, in the order of K; the block still lacks B and its columns.
template <class Kind, class From, class F>
WUDAO_INLINE_ALWAYS void for_each_block(const Operand& operand, const Result& c, Work& work, F f) {
  using Element = typename From::Element;
  const Source<Element> a = {static_cast<const Element*>(operand.data), operand.cols, operand.rows, operand.col_stride,
                             operand.row_stride};
  for (std::int64_t i = 0; i < a.width; i += kRowBlock) {
    for (std::int64_t k = 0; k < a.depth; k += kBlock * Kind::kDepth) {
      const auto part = block_of(a, k, kBlock * Kind::kDepth, i, kRowBlock);
      Block<Kind> block = {};
      block.a = units_of_a<Kind, From>(part, work.a, block.packed_a);
      block.units = units_of<Kind>(part.depth);
      block.rows = part.width;
      block.c = static_cast<typename Kind::Sum*>(c.data) + i * c.row_stride;
      block.c_stride = c.row_stride;
      block.add = c.accumulate || k > 0;
      f(block, k);
    }
  }
}

template <class Kind, class From>
void multiply_panel(const Operand& a, const void* panel, std::int64_t n, const Result& c, Work& work) {
  for_each_block<Kind, From>(a, c, work, [&](Block<Kind>& block, std::int64_t k) {
    block.sliver_units = units_of<Kind>(a.cols) * kSliver<Kind>;
    block.b = static_cast<const typename Kind::Unit*>(panel) + k / Kind::kDepth * kSliver<Kind>;
    block.cols = n;
    multiply_block(block);
  });
}

template <class Kind, class From>
void multiply_operands(const Operand& a, const Operand& b, const Result& c, Work& work) {
  using Unit = typename Kind::Unit;
  const auto source = source_of_b<typename From::Element>(b);
  for_each_block<Kind, From>(a, c, work, [&](Block<Kind>& block, std::int64_t k) {
    block.sliver_units = block.units * kSliver<Kind>;
    block.b = reinterpret_cast<const Unit*>(work.b);
    typename Kind::Sum* const left = block.c;
    for (std::int64_t j = 0; j < b.cols; j += kColBlock) {
      const auto part = block_of(source, k, kBlock * Kind::kDepth, j, kColBlock);
      pack_slivers<Kind, From>(part, reinterpret_cast<Unit*>(work.b));
      block.cols = part.width;
      block.c = left + j;
      multiply_block(block);
    }
  });
}

template <class Kind>
std::int64_t bytes_of_panel(std::int64_t k, std::int64_t n) {
  return units_of<Kind>(k) * rounded_up(n, kSliver<Kind>) * static_cast<std::int64_t>(sizeof(typename Kind::Unit));
}

std::int64_t panel_bytes(std::int64_t k, std::int64_t n, DType compute) {
  if (compute == DType::kFloat64) return bytes_of_panel<F64>(k, n);
  return compute == DType::kBFloat16 ? bytes_of_panel<Bf16>(k, n) : bytes_of_panel<F32>(k, n);
}

std::int64_t work_bytes() { return sizeof(Work); }

void pack(const Operand& b, DType compute, void* panel) {
  if (compute == DType::kFloat64)
    return pack_slivers<F64, AsIs<F64>>(source_of_b<double>(b), static_cast<double*>(panel));
  if (compute == DType::kFloat32)
    return pack_slivers<F32, AsIs<F32>>(source_of_b<float>(b), static_cast<float*>(panel));
  pack_slivers<Bf16, FromFloatRounded>(source_of_b<float>(b), static_cast<Bf16::Unit*>(panel));
}

void multiply_packed(const Operand& a, const void* panel, std::int64_t n, const Result& c, void* memory) {
  Work& work = *static_cast<Work*>(memory);
  if (a.dtype == DType::kFloat64) return multiply_panel<F64, AsIs<F64>>(a, panel, n, c, work);
  if (a.dtype == DType::kFloat32) return multiply_panel<F32, AsIs<F32>>(a, panel, n, c, work);
  multiply_panel<Bf16, FromBf16>(a, panel, n, c, work);
}

void multiply(const Operand& a, const Operand& b, const Result& c, void* memory) {
  Work& work = *static_cast<Work*>(memory);
  if (a.dtype == DType::kFloat64) return multiply_operands<F64, AsIs<F64>>(a, b, c, work);
  if (a.dtype == DType::kFloat32) return multiply_operands<F32, AsIs<F32>>(a, b, c, work);
  multiply_operands<Bf16, FromBf16>(a, b, c, work);
}

}  // namespace
}  // namespace wudao::WUDAO_ISA::gemm

#define WUDAO_STRING(x) #x
#define WUDAO_NAME(x) WUDAO_STRING(x)

namespace wudao::WUDAO_ISA {
extern const cpu::gemm::plain::Kernels plain_gemm;
const cpu::gemm::plain::Kernels plain_gemm = {WUDAO_NAME(WUDAO_ISA), gemm::panel_bytes, gemm::work_bytes, gemm::pack,
                                              gemm::multiply_packed, gemm::multiply};
}  // namespace wudao::WUDAO_ISA
