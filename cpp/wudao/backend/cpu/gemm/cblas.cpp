// Matrix products by OpenBLAS (PyPI's scipy-openblas32 or a system's), for machines without oneDNN.
//
// Numerics: OpenBLAS picks its kernel, and with it the order of sums, by the number of rows. So every call has exactly
// kTile rows, the last ones padded, and the only question left is whether the place of a row inside the tile counts.
// In some kernels it does (Haswell): `rows_are_alike` tries it once, and where it does the plain kernels run instead.
#include <cblas.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "wudao/backend/cpu/gemm/aligned_buffer.h"
#include "wudao/backend/cpu/gemm/providers.h"
#include "wudao/backend/cpu/gemm/widen.h"
#include "wudao/backend/cpu/workspace.h"

#ifndef WUDAO_CBLAS_PREFIX
#define WUDAO_CBLAS_PREFIX
#endif
#define WUDAO_JOIN(a, b) a##b
#define WUDAO_JOIN_EXPANDED(a, b) WUDAO_JOIN(a, b)
#define BLAS(name) WUDAO_JOIN_EXPANDED(WUDAO_CBLAS_PREFIX, name)

namespace wudao::cpu::gemm {
namespace {

constexpr std::int64_t kTile = 48;  // a multiple of every register tile in use (4, 8, 12, 16 rows)

constexpr std::int64_t kFloatBytes = sizeof(float);

int integer(std::int64_t x) { return static_cast<int>(x); }

// C (+)= A B for exactly kTile rows of float32.
void multiply_tile(const Operand& a, const Operand& b, float* c, std::int64_t c_stride, bool accumulate) {
  const auto transposed = [](const Operand& x) { return x.col_stride == 1 ? CblasNoTrans : CblasTrans; };
  const auto stride = [](const Operand& x) {
    return integer(x.col_stride == 1 ? std::max(x.row_stride, x.cols) : std::max(x.col_stride, x.rows));
  };
  BLAS(cblas_sgemm)(CblasRowMajor, transposed(a), transposed(b), integer(kTile), integer(b.cols), integer(a.cols), 1.0f,
                    static_cast<const float*>(a.data), stride(a), static_cast<const float*>(b.data), stride(b),
                    accumulate ? 1.0f : 0.0f, c, integer(c_stride));
}

// Fewer than kTile rows of A in a tile of the same order, zeros below.
Operand padded_rows(const Operand& a) {
  const bool by_rows = a.col_stride == 1;
  float* tile = static_cast<float*>(workspace(Workspace::kDenseA, kTile * a.cols * kFloatBytes));
  std::fill_n(tile, kTile * a.cols, 0.0f);
  const Operand padded = {tile, DType::kFloat32, kTile, a.cols, by_rows ? a.cols : 1, by_rows ? 1 : kTile};
  const std::int64_t lines = by_rows ? a.rows : a.cols, length = by_rows ? a.cols : a.rows;
  for (std::int64_t i = 0; i < lines; ++i) {
    const Operand from = by_rows ? cut_rows(a, i, 1) : cut_cols(a, i, 1);
    std::copy_n(static_cast<const float*>(from.data), length, tile + i * (by_rows ? a.cols : kTile));
  }
  return padded;
}

void multiply_rest(const Operand& a, const Operand& b, const Result& c) {
  const std::int64_t cols = b.cols;
  float* tile = static_cast<float*>(workspace(Workspace::kDenseC, kTile * cols * kFloatBytes));
  float* out = static_cast<float*>(c.data);
  if (c.accumulate) std::fill_n(tile, kTile * cols, 0.0f);
  for (std::int64_t i = 0; c.accumulate && i < a.rows; ++i) std::copy_n(out + i * c.row_stride, cols, tile + i * cols);
  multiply_tile(padded_rows(a), b, tile, cols, c.accumulate);
  for (std::int64_t i = 0; i < a.rows; ++i) std::copy_n(tile + i * cols, cols, out + i * c.row_stride);
}

void multiply_rows(const Operand& a, const Operand& b, const Result& c) {
  for (std::int64_t i = 0; i < a.rows; i += kTile) {
    const Operand rows = cut_rows(a, i, std::min(kTile, a.rows - i));
    const Operand left = is_half(rows.dtype) ? widened(rows, Workspace::kWidenedA) : rows;
    const Result part = {static_cast<float*>(c.data) + i * c.row_stride, c.row_stride, c.accumulate};
    if (rows.rows == kTile) {
      multiply_tile(left, b, static_cast<float*>(part.data), part.row_stride, part.accumulate);
    } else {
      multiply_rest(left, b, part);
    }
  }
}

void multiply(const Operand& a, const Operand& b, const Result& c) {
  if (a.dtype == DType::kFloat64) return plain_provider().multiply(a, b, c);
  if (a.rows == 0 || b.cols == 0) return;
  if (a.cols == 0) return multiply_empty(a.rows, b.cols, a.dtype, c);
  multiply_rows(a, is_half(b.dtype) ? widened(b, Workspace::kWidenedB) : b, c);
}

// kTile equal rows of A have to give kTile equal rows of C.
bool rows_are_alike(std::int64_t k, std::int64_t n, bool a_by_rows, bool b_by_rows) {
  AlignedBuffer a_memory(static_cast<std::size_t>(kTile * k) * sizeof(float)),
      b_memory(static_cast<std::size_t>(k * n) * sizeof(float));
  AlignedBuffer c_memory(static_cast<std::size_t>(kTile * n) * sizeof(float));
  float *a = static_cast<float*>(a_memory.data()), *b = static_cast<float*>(b_memory.data()),
        *c = static_cast<float*>(c_memory.data());
  std::uint32_t random = 1;
  const auto next = [&] {
    return static_cast<float>((random = random * 1664525u + 1013904223u) >> 8) * 0x1.0p-23f - 1.0f;
  };
  for (std::int64_t p = 0; p < k; ++p) {
    const float value = next();
    for (std::int64_t i = 0; i < kTile; ++i) a[a_by_rows ? i * k + p : p * kTile + i] = value;
  }
  for (std::int64_t i = 0; i < k * n; ++i) b[i] = next();
  multiply_tile({a, DType::kFloat32, kTile, k, a_by_rows ? k : 1, a_by_rows ? 1 : kTile},
                {b, DType::kFloat32, k, n, b_by_rows ? n : 1, b_by_rows ? 1 : k}, c, n, false);
  for (std::int64_t i = 1; i < kTile; ++i) {
    if (std::memcmp(c, c + i * n, static_cast<std::size_t>(n) * sizeof(float)) != 0) return false;
  }
  return true;
}

bool rows_are_alike() {
  constexpr std::int64_t kShapes[][2] = {{768, 256}, {1000, 250}, {64, 64}, {33, 65},
                                         {2049, 48}, {513, 1},    {400, 3}, {7, 129}};
  for (const auto& shape : kShapes) {
    for (int layout = 0; layout < 4; ++layout) {
      if (!rows_are_alike(shape[0], shape[1], layout & 1, layout & 2)) return false;
    }
  }
  return true;
}

// The instruction set behind the library's name for the processor (x86 only).
CpuLevel level_of(std::string_view core) {
  for (const char* name : {"SkylakeX", "Cooperlake", "SapphireRapids"}) {
    if (core == name) return CpuLevel::kAvx512;
  }
  for (const char* name : {"Haswell", "Zen", "Sandybridge", "Bulldozer", "Piledriver", "Steamroller", "Excavator"}) {
    if (core == name) return CpuLevel::kAvx2;
  }
  return CpuLevel::kBaseline;
}

// Empty if the library keeps our promises on this machine, else why it does not.
std::string obstacle() {
  const std::string core = BLAS(openblas_get_corename)();
  if (cpu_level() != CpuLevel::kNeon && level_of(core) > cpu_level()) return "OpenBLAS " + core + " would use more";
  return rows_are_alike() ? "" : "OpenBLAS " + core + " does not treat rows alike";
}

// Which kernels run for all but float64.
std::string& why_plain() {
  static std::string reason = obstacle();
  return reason;
}

std::string name_of_library() {
  std::string config = BLAS(openblas_get_config)();  // "OpenBLAS 0.3.34 options..."
  return config.substr(0, config.find(' ', config.find(' ') + 1)) + " " + BLAS(openblas_get_corename)();
}

const char* describe(DType compute) {
  if (compute == DType::kFloat64) return plain_provider().describe(compute);
  static const std::string float32 = name_of_library(), bfloat16 = float32 + ", bfloat16 widened",
                           float16 = float32 + ", float16 widened";
  if (compute == DType::kFloat16) return float16.c_str();
  return (compute == DType::kBFloat16 ? bfloat16 : float32).c_str();
}

const char* describe_plain(DType compute) {
  static const std::string note = " (" + why_plain() + ")";
  static const std::string float32 = plain_provider().describe(DType::kFloat32) + note;
  static const std::string bfloat16 = plain_provider().describe(DType::kBFloat16) + note;
  static const std::string float16 = plain_provider().describe(DType::kFloat16) + note;
  if (compute == DType::kFloat64) return plain_provider().describe(compute);
  if (compute == DType::kFloat16) return float16.c_str();
  return (compute == DType::kBFloat16 ? bfloat16 : float32).c_str();
}

Provider make_provider() {
  BLAS(openblas_set_num_threads)(1);
  if (why_plain().empty()) return {"cblas", describe, multiply};
  Provider provider = plain_provider();
  provider.name = "cblas";
  provider.describe = describe_plain;
  return provider;
}

}  // namespace

const Provider& cblas_provider() {
  static const Provider provider = make_provider();
  return provider;
}

}  // namespace wudao::cpu::gemm
