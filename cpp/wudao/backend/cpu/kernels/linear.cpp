// u = x W^T + bias;  y = residual + dropout(activation(u)).
//
// A task is a tile of rows by one panel of the packed weight; what follows the product happens piece by piece, in the
// first-level cache.
#include "wudao/backend/cpu/kernels/linear_codes.h"
#include "wudao/backend/cpu/kernels/linear_forward.h"
#include "wudao/backend/cpu/kernels/linear_int8.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"

namespace wudao::WUDAO_ISA {
namespace {

template <class T>
void forward_few(const kernels::LinearForward& p, const cpu::gemm::PackedB& weight) {
  parallel_chunks(p.pool, p.out, gemm::kFewCols,
                  [&](std::int64_t begin, std::int64_t end) { forward_columns<T>(p, weight, begin, end - begin); });
}

const cpu::gemm::PackedB& packed(const kernels::LinearForward& p) {
  const cpu::Weight weight = {p.weight, p.out, p.in, p.compute};
  return cpu::packed_weight(plain_gemm, *p.packed, cpu::WeightUse::kForward, weight, *p.pool);
}

template <class T>
void forward(const kernels::LinearForward& p) {
  const auto& weight = packed(p);
  if (p.rows <= gemm::kFewRows && p.windows == nullptr && p.pixels == nullptr) return forward_few<T>(p, weight);
  for_each_tile(p.pool, p.rows, weight.panels,
                [&](int panel, std::int64_t row, std::int64_t rows) { forward_tile<T>(p, weight, panel, row, rows); });
}

}  // namespace

void linear_pack(const kernels::LinearForward& p) {
  if (p.quantized != nullptr) return pack_codes(p);
  if (p.int8) return pack_int8(p);
  packed(p);
}

void linear_forward(const kernels::LinearForward& p) {
  if (p.quantized != nullptr) return forward_codes(p);
  if (p.int8) return forward_int8(p);
  if (p.compute == DType::kFloat64) return forward<double>(p);
  forward<float>(p);
}

}  // namespace wudao::WUDAO_ISA
