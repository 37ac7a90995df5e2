// Matrix products by oneDNN, one-threaded: primitives are made once per thread and shape and kept with their memory
// objects, so that a call sets three pointers and runs.
//
// Numerics: row bits do not depend on the number of rows. Only oneDNN's blocked kernels ("brg") promise that: they cut
// K by K alone. They take matrices without gaps only, so others are copied, and they need AVX-512: below it the plain
// kernels run. oneDNN's other family ("gemm:jit") picks its order of sums by the number of rows and the strides too.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "wudao/backend/cpu/gemm/onednn_primitives.h"
#include "wudao/backend/cpu/gemm/providers.h"
#include "wudao/backend/cpu/gemm/widen.h"
#include "wudao/backend/cpu/workspace.h"
#include "wudao/base/error.h"

namespace wudao::cpu::gemm {
namespace {

using onednn::guarded;

constexpr std::int64_t kFloatBytes = sizeof(float);
constexpr std::int64_t kMaxRows = 256;  // of one primitive
constexpr std::int64_t kRowStep = 16;   // row counts are cut to multiples of this and a rest: 31 primitives per shape

bool has_bfloat16() { return cpu_level() == CpuLevel::kAvx512Bf16; }

// The type that the library multiplies: bfloat16 only where the processor does.
DType library_type(DType compute) { return compute == DType::kBFloat16 && has_bfloat16() ? compute : DType::kFloat32; }

bool is_dense(const Operand& x) {
  return x.col_stride == 1 ? x.row_stride == x.cols || x.rows == 1 : x.col_stride == x.rows || x.cols == 1;
}

// The same matrix without gaps: itself, or a copy in the thread's buffer.
const void* dense(const Operand& x, Workspace use) {
  if (is_dense(x)) return x.data;
  const bool by_rows = x.col_stride == 1;
  const std::int64_t lines = by_rows ? x.rows : x.cols, size = static_cast<std::int64_t>(size_of(x.dtype));
  const std::int64_t line_bytes = (by_rows ? x.cols : x.rows) * size;
  char* copy = static_cast<char*>(workspace(use, lines * line_bytes));
  for (std::int64_t i = 0; i < lines; ++i) {
    const Operand line = by_rows ? cut_rows(x, i, 1) : cut_cols(x, i, 1);
    std::memcpy(copy + i * line_bytes, line.data, static_cast<std::size_t>(line_bytes));
  }
  return copy;
}

// A single row by columns is one by rows to the library, which then cuts K otherwise: the row twice, by columns.
const void* doubled(const Operand& row) {
  const std::int64_t size = static_cast<std::int64_t>(size_of(row.dtype)), step = row.col_stride * size;
  char* twice = static_cast<char*>(workspace(Workspace::kDenseA, 2 * row.cols * size));
  for (std::int64_t j = 0; j < row.cols; ++j) {
    const char* from = static_cast<const char*>(row.data) + j * step;
    std::memcpy(twice + 2 * j * size, from, static_cast<std::size_t>(size));
    std::memcpy(twice + (2 * j + 1) * size, from, static_cast<std::size_t>(size));
  }
  return twice;
}

onednn::First first_factor(const Operand& a) {
  const bool by_rows = a.col_stride == 1;
  if (a.rows == 1 && !by_rows) return {doubled(a), a.dtype, 2, a.cols, false};
  return {dense(a, Workspace::kDenseA), a.dtype, a.rows, a.cols, by_rows};
}

// Rows of the dense `tile` to C.
void copy_tile(const float* tile, std::int64_t rows, std::int64_t cols, const Result& c) {
  for (std::int64_t i = 0; i < rows; ++i, tile += cols) {
    float* out = static_cast<float*>(c.data) + i * c.row_stride;
    if (!c.accumulate) std::memcpy(out, tile, static_cast<std::size_t>(cols) * sizeof(float));
    for (std::int64_t j = 0; c.accumulate && j < cols; ++j) out[j] += tile[j];
  }
}

void multiply_chunk(const Operand& a, const onednn::Second& b, const Result& c) {
  const onednn::First left = first_factor(a);
  const bool direct = !c.accumulate && left.rows == a.rows && (c.row_stride == b.cols || a.rows == 1);
  if (direct) return onednn::matmul(left, b, static_cast<float*>(c.data));
  float* tile = static_cast<float*>(workspace(Workspace::kDenseC, left.rows * b.cols * kFloatBytes));
  onednn::matmul(left, b, tile);
  copy_tile(tile, a.rows, b.cols, c);
}

// C (+)= A B in chunks of rows. Widens A where the library does not multiply its type.
void multiply_rows(const Operand& a, const onednn::Second& b, const Result& c) {
  const Operand left = a.dtype == library_type(a.dtype) ? a : widened(a, Workspace::kWidenedA);
  for (std::int64_t first = 0; first < a.rows;) {
    const std::int64_t rest = std::min(a.rows - first, kMaxRows);
    const std::int64_t count = rest < kRowStep ? rest : rest - rest % kRowStep;
    float* out = static_cast<float*>(c.data) + first * c.row_stride;
    multiply_chunk(cut_rows(left, first, count), b, {out, c.row_stride, c.accumulate});
    first += count;
  }
}

void multiply(const Operand& a, const Operand& b, const Result& c) {
  if (a.dtype == DType::kFloat64) return plain_provider().multiply(a, b, c);
  if (a.rows == 0 || b.cols == 0) return;
  if (a.cols == 0) return multiply_empty(a.rows, b.cols, a.dtype, c);
  const onednn::OneThread one_thread;
  const Operand right = b.dtype == library_type(b.dtype) ? b : widened(b, Workspace::kWidenedB);
  guarded([&] { multiply_rows(a, {dense(right, Workspace::kDenseB), b.cols, right.col_stride == 1}, c); });
}

const char* describe(DType compute) {
  if (compute == DType::kFloat64) return plain_provider().describe(compute);
  const onednn::OneThread one_thread;
  static const std::string float32 = onednn::description(DType::kFloat32);
  static const std::string bfloat16 =
      onednn::description(library_type(DType::kBFloat16)) + (has_bfloat16() ? "" : ", bfloat16 widened");
  static const std::string float16 = float32 + ", float16 widened";
  if (compute == DType::kFloat16) return float16.c_str();
  return (compute == DType::kBFloat16 ? bfloat16 : float32).c_str();
}

// oneDNN below AVX-512 breaks the promise of gemm.h: the plain kernels keep it.
const char* describe_low_level(DType compute) {
  if (compute == DType::kFloat64) return plain_provider().describe(compute);
  const auto of = [](DType dtype) {
    return std::string(plain_provider().describe(dtype)) + " (oneDNN is used from avx512 up)";
  };
  static const std::string float32 = of(DType::kFloat32), bfloat16 = of(DType::kBFloat16), float16 = of(DType::kFloat16);
  if (compute == DType::kFloat16) return float16.c_str();
  return (compute == DType::kBFloat16 ? bfloat16 : float32).c_str();
}

Provider low_level_provider() {
  Provider provider = plain_provider();
  provider.name = "onednn";
  provider.describe = describe_low_level;
  return provider;
}

Provider make_provider() {
  if (!has_avx512(cpu_level())) return low_level_provider();
  onednn::cap_instruction_set(cpu_level());
  return {"onednn", describe, multiply};
}

}  // namespace

const Provider& onednn_provider() {
  static const Provider provider = make_provider();
  return provider;
}

}  // namespace wudao::cpu::gemm
