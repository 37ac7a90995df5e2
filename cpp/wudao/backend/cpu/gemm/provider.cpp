// Choice of the provider, and small things that all of them need.
#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "wudao/backend/cpu/gemm/providers.h"
#include "wudao/base/env.h"
#include "wudao/base/error.h"

namespace wudao::cpu::gemm {
namespace {

struct Built {
  const char* name;
  const Provider& (*get)();
};

// In order of preference. On x86 our own kernels come first: they are as fast as oneDNN's or faster on every product of
// docs/notes/gemm.md. Elsewhere they are unmeasured, and a library goes first.
const std::vector<Built>& built_providers() {
  static const std::vector<Built> built = {
#if defined(__x86_64__)
      {"plain", plain_provider},
#endif
#ifdef WUDAO_WITH_ONEDNN
      {"onednn", onednn_provider},
#endif
#ifdef WUDAO_WITH_CBLAS
      {"cblas", cblas_provider},
#endif
#if !defined(__x86_64__)
      {"plain", plain_provider},
#endif
  };
  return built;
}

std::string built_names() {
  std::string names;
  for (const Built& built : built_providers()) names += (names.empty() ? "" : ", ") + std::string(built.name);
  return names;
}

}  // namespace

std::vector<const Provider*> all_providers() {
  std::vector<const Provider*> all;
  for (const Built& built : built_providers()) all.push_back(&built.get());
  return all;
}

const Provider& choose_provider() {
  const std::optional<std::string> wanted = env("WUDAO_MATMUL");
  if (!wanted) return built_providers().front().get();
  for (const Built& built : built_providers()) {
    if (*wanted == built.name) return built.get();
  }
  fail<ConfigError>("environment", "WUDAO_MATMUL", "one of the matrix providers built in (" + built_names() + ")",
                    '"' + *wanted + '"', "Correct or unset it.");
}

const Provider& provider() {
  static const Provider& chosen = choose_provider();
  return chosen;
}

CpuLevel cpu_level() {
  static const CpuLevel level = choose_cpu_level();
  return level;
}

Operand cut_rows(const Operand& x, std::int64_t first, std::int64_t count) {
  const char* data =
      static_cast<const char*>(x.data) + first * x.row_stride * static_cast<std::int64_t>(size_of(x.dtype));
  return {data, x.dtype, count, x.cols, x.row_stride, x.col_stride};
}

Operand cut_cols(const Operand& x, std::int64_t first, std::int64_t count) {
  const char* data =
      static_cast<const char*>(x.data) + first * x.col_stride * static_cast<std::int64_t>(size_of(x.dtype));
  return {data, x.dtype, x.rows, count, x.row_stride, x.col_stride};
}

void multiply_empty(std::int64_t rows, std::int64_t cols, DType dtype, const Result& c) {
  if (c.accumulate) return;
  const std::size_t size = size_of(accumulator_of(dtype));
  for (std::int64_t i = 0; i < rows; ++i) {
    std::memset(static_cast<char*>(c.data) + static_cast<std::size_t>(i * c.row_stride) * size, 0,
                static_cast<std::size_t>(cols) * size);
  }
}

}  // namespace wudao::cpu::gemm
