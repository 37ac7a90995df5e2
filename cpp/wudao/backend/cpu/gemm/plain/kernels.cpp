// What the plain provider offers. Compiled once per instruction set.
#include "wudao/backend/cpu/gemm/plain/kernels.h"

#include "wudao/backend/cpu/gemm/plain/blocks.h"
#include "wudao/backend/cpu/gemm/plain/panel.h"

namespace wudao::WUDAO_ISA::gemm {
namespace {

using cpu::gemm::Operand;
using cpu::gemm::Result;

template <class Element>
Source<Element> source_of_b(const Operand& b) {
  return {static_cast<const Element*>(b.data), b.rows, b.cols, b.row_stride, b.col_stride};
}

// C (+)= A B of operands that lie in memory.
template <class Kind, class From>
void multiply_operands(const Operand& a, const Operand& b, const Result& c, Work& work) {
  const auto right = source_of_b<typename From::Element>(b);
  multiply_blocks<Kind, From>(a, b.cols, c, work, [&](auto k, auto depth, auto j, auto width, auto* to) {
    pack_slivers<Kind, From, kColVectors, false>(block_of(right, k, depth, j, width), to);
  });
}

template <class Kind>
std::int64_t bytes_of_panel(std::int64_t k, std::int64_t n) {
  using Unit = typename Second<Kind>::Unit;
  return units_of<Kind>(k) * rounded_up(n, kSliver<Kind>) * static_cast<std::int64_t>(sizeof(Unit));
}

std::int64_t panel_bytes(std::int64_t k, std::int64_t n, DType compute) {
  if (compute == DType::kFloat64) return bytes_of_panel<F64>(k, n);
  return compute == DType::kBFloat16 ? bytes_of_panel<KeptBf16>(k, n) : bytes_of_panel<F32>(k, n);
}

std::int64_t work_bytes() { return sizeof(Work); }

void pack(const Operand& b, DType compute, void* panel) {
  if (compute == DType::kFloat64)
    return pack_slivers<F64, AsIs<F64>>(source_of_b<double>(b), static_cast<double*>(panel));
  if (compute == DType::kFloat32)
    return pack_slivers<F32, AsIs<F32>>(source_of_b<float>(b), static_cast<float*>(panel));
  if (compute == DType::kFloat16)
    return pack_slivers<F32, RoundedToHalf>(source_of_b<float>(b), static_cast<float*>(panel));
  pack_slivers<KeptUnits, FromFloatRounded>(source_of_b<float>(b), static_cast<KeptUnits::Unit*>(panel));
}

// A finished piece to C.
template <class T>
void store_piece(const Piece<T>& piece, std::int64_t first_col, const Result& c) {
  for (std::int64_t r = 0; r < piece.rows; ++r) {
    const T* sums = piece.sums + r * piece.line;
    T* to = static_cast<T*>(c.data) + (piece.row + r) * c.row_stride + piece.col - first_col;
    for (std::int64_t j = 0; j < piece.cols; ++j) to[j] = c.accumulate ? to[j] + sums[j] : sums[j];
  }
}

template <class T>
void multiply_packed_in(const Operand& a, const cpu::gemm::PackedB& packed, int panel, const Result& c) {
  const std::int64_t first = cpu::gemm::panel_of(packed, panel).begin;
  multiply_panel<T>(a, packed, panel, [&](const Piece<T>& piece) { store_piece(piece, first, c); });
}

void multiply_packed(const Operand& a, const cpu::gemm::PackedB& packed, int panel, const Result& c) {
  if (a.dtype == DType::kFloat64) return multiply_packed_in<double>(a, packed, panel, c);
  multiply_packed_in<float>(a, packed, panel, c);
}

void multiply(const Operand& a, const Operand& b, const Result& c, void* memory) {
  Work& work = *static_cast<Work*>(memory);
  if (a.dtype == DType::kFloat64) return multiply_operands<F64, AsIs<F64>>(a, b, c, work);
  if (a.dtype == DType::kFloat32) return multiply_operands<F32, AsIs<F32>>(a, b, c, work);
  if (a.dtype == DType::kFloat16) return multiply_operands<F32, WidenedHalf>(a, b, c, work);
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
