// Matrix products by oneDNN, one-threaded: primitives are made once per thread and shape and kept with their memory
// objects, so that a call sets three pointers and runs.
//
// Numerics: AVX-512 and up. Row bits do not depend on the number of rows: oneDNN blocks K by K alone there, except that a
// single row of a column-major A goes to its matrix-vector kernel; such a row is computed twice over instead. Below
// AVX-512 oneDNN splits K by the number of rows, so the plain kernels run there.
#include <algorithm>
#include <memory>
#include <string>

#include "wudao/backend/cpu/gemm/onednn_primitives.h"
#include "wudao/backend/cpu/gemm/providers.h"
#include "wudao/backend/cpu/gemm/widen.h"
#include "wudao/backend/cpu/gemm/workspace.h"
#include "wudao/base/error.h"

namespace wudao::cpu::gemm {
namespace {

using onednn::guarded;

constexpr std::int64_t kPanelCols = 256;  // best or within 2 % of it for every shape of docs/notes/gemm.md
constexpr std::int64_t kMaxRows = 256;    // of one primitive
constexpr std::int64_t kRowStep = 16;     // row counts are cut to multiples of this and a rest: 31 primitives per shape

bool has_bfloat16() { return cpu_level() == CpuLevel::kAvx512Bf16; }

// The type that the library multiplies: bfloat16 only where the processor does.
DType library_type(DType compute) { return compute == DType::kBFloat16 && has_bfloat16() ? compute : DType::kFloat32; }

struct Panels {
  AlignedBuffer memory;
  dnnl::memory::desc whole, last;
  std::size_t panel_bytes = 0;
};

const dnnl::memory::desc& layout_of(const PackedB& packed, int panel) {
  const Panels& panels = *static_cast<const Panels*>(packed.impl);
  return panel + 1 == packed.panels ? panels.last : panels.whole;
}

void* data_of(const PackedB& packed, int panel) {
  const Panels& panels = *static_cast<const Panels*>(packed.impl);
  return static_cast<char*>(panels.memory.data()) + static_cast<std::size_t>(panel) * panels.panel_bytes;
}

PackedB* allocate(std::int64_t k, std::int64_t n, DType compute) {
  if (compute == DType::kFloat64) return plain_provider().allocate_packed(k, n, compute);
  const onednn::OneThread one_thread;
  auto panels = std::make_unique<Panels>();
  auto packed = std::make_unique<PackedB>(PackedB{compute, k, n, kPanelCols, static_cast<int>((n + kPanelCols - 1) / kPanelCols), nullptr});
  if (k > 0 && n > 0) {
    guarded([&] {
      panels->whole = onednn::packed_layout(library_type(compute), k, std::min(n, kPanelCols));
      panels->last = onednn::packed_layout(library_type(compute), k, cols_of_panel(*packed, packed->panels - 1));
    });
    panels->panel_bytes = (panels->whole.get_size() + 63) / 64 * 64;
    panels->memory.reserve(panels->panel_bytes * static_cast<std::size_t>(packed->panels));
  }
  packed->impl = panels.release();
  return packed.release();
}

void free_packed(PackedB* packed) {
  if (packed->compute == DType::kFloat64) return plain_provider().free_packed(packed);
  delete static_cast<Panels*>(packed->impl);
  delete packed;
}

void pack_panel(const Operand& b, PackedB* packed, int panel) {
  if (packed->compute == DType::kFloat64) return plain_provider().pack_panel(b, packed, panel);
  if (packed->k == 0) return;
  const onednn::OneThread one_thread;
  Operand part = cut_panel(b, *packed, panel);
  const bool rounds_itself = packed->compute == library_type(packed->compute);
  if (!rounds_itself) part = rounded_to_bfloat16(part, Use::kWidenedB);
  guarded([&] { onednn::reorder(part, layout_of(*packed, panel), data_of(*packed, panel)); });
}

// One row of a column-major A: the same row twice, of which the first result counts.
void multiply_single_column_major(const Operand& a, const onednn::Weights& b, const Result& c) {
  const std::size_t size = size_of(a.dtype);
  char* twice = static_cast<char*>(thread_buffer(Use::kRowsA, static_cast<std::size_t>(a.cols) * 2 * size));
  for (std::int64_t j = 0; j < a.cols; ++j) {
    const char* from = static_cast<const char*>(a.data) + static_cast<std::size_t>(j * a.col_stride) * size;
    std::copy_n(from, size, twice + static_cast<std::size_t>(2 * j) * size);
    std::copy_n(from, size, twice + static_cast<std::size_t>(2 * j + 1) * size);
  }
  float* rows = static_cast<float*>(thread_buffer(Use::kRowsC, static_cast<std::size_t>(b.cols) * 2 * sizeof(float)));
  float* out = static_cast<float*>(c.data);
  for (std::int64_t j = 0; c.accumulate && j < b.cols; ++j) rows[j] = rows[b.cols + j] = out[j];
  onednn::matmul({twice, a.dtype, 2, a.cols, 1, 2}, b, {rows, b.cols, c.accumulate});
  std::copy_n(rows, b.cols, out);
}

void multiply_rows(const Operand& a, const onednn::Weights& b, const Result& c) {
  for (std::int64_t first = 0; first < a.rows;) {
    const std::int64_t left = std::min(a.rows - first, kMaxRows);
    const std::int64_t count = left < kRowStep ? left : left - left % kRowStep;
    const Result part = {static_cast<float*>(c.data) + first * c.row_stride, c.row_stride, c.accumulate};
    const Operand rows = cut_rows(a, first, count);
    if (count == 1 && a.col_stride != 1) {
      multiply_single_column_major(rows, b, part);
    } else {
      onednn::matmul(rows, b, part);
    }
    first += count;
  }
}

void multiply_packed(const Operand& a, const PackedB& packed, int panel, const Result& c) {
  if (packed.compute == DType::kFloat64) return plain_provider().multiply_packed(a, packed, panel, c);
  const std::int64_t cols = cols_of_panel(packed, panel);
  if (packed.k == 0) return multiply_empty(a.rows, cols, a.dtype, c);
  const onednn::OneThread one_thread;
  const bool as_is = a.dtype == library_type(a.dtype);
  const Operand left = as_is ? a : widened(a, Use::kWidenedA);
  guarded([&] { multiply_rows(left, {data_of(packed, panel), layout_of(packed, panel), packed.k, cols, 0, 0}, c); });
}

void multiply(const Operand& a, const Operand& b, const Result& c) {
  if (a.dtype == DType::kFloat64) return plain_provider().multiply(a, b, c);
  if (a.rows == 0 || b.cols == 0) return;
  if (a.cols == 0) return multiply_empty(a.rows, b.cols, a.dtype, c);
  const onednn::OneThread one_thread;
  const bool as_is = a.dtype == library_type(a.dtype);
  const Operand left = as_is ? a : widened(a, Use::kWidenedA);
  const Operand right = as_is ? b : widened(b, Use::kWidenedB);
  guarded([&] { multiply_rows(left, onednn::plain_weights(right), c); });
}

const char* describe(DType compute) {
  if (compute == DType::kFloat64) return plain_provider().describe(compute);
  const onednn::OneThread one_thread;
  static const std::string float32 = onednn::description(DType::kFloat32);
  static const std::string bfloat16 = onednn::description(library_type(DType::kBFloat16)) + (has_bfloat16() ? "" : ", bfloat16 widened");
  return (compute == DType::kBFloat16 ? bfloat16 : float32).c_str();
}

// oneDNN below AVX-512 breaks the promise of gemm.h: the plain kernels keep it.
const char* describe_low_level(DType compute) {
  static const std::string of[] = {
      std::string(plain_provider().describe(DType::kFloat32)) + " (oneDNN is used from avx512 up)",
      std::string(plain_provider().describe(DType::kBFloat16)) + " (oneDNN is used from avx512 up)",
      std::string(plain_provider().describe(DType::kFloat64))};
  return of[compute == DType::kFloat64 ? 2 : compute == DType::kBFloat16].c_str();
}

Provider low_level_provider() {
  Provider provider = plain_provider();
  provider.name = "onednn";
  provider.describe = describe_low_level;
  return provider;
}

Provider make_provider() {
  if (cpu_level() != CpuLevel::kAvx512 && cpu_level() != CpuLevel::kAvx512Bf16) return low_level_provider();
  onednn::cap_instruction_set(cpu_level());
  return {"onednn", describe, allocate, pack_panel, free_packed, multiply_packed, multiply};
}

}  // namespace

const Provider& onednn_provider() {
  static const Provider provider = make_provider();
  return provider;
}

}  // namespace wudao::cpu::gemm
