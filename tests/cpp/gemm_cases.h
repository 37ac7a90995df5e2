// Matrices, references and layouts for the tests of the matrix providers.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "wudao/backend/cpu/gemm/packed.h"
#include "wudao/backend/cpu/gemm/plain.h"
#include "wudao/backend/cpu/gemm/providers.h"
#include "wudao/base/error.h"

namespace gemm_cases {

using namespace wudao;
using namespace wudao::cpu::gemm;

inline float widen(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

// Nearest, ties to even, by the definition: of the two neighbours the nearer, or the one whose last bit is 0.
inline std::uint16_t round_to_bfloat16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint16_t low = static_cast<std::uint16_t>(bits >> 16);
  const std::uint32_t rest = bits & 0xFFFFu;
  if (rest > 0x8000u || (rest == 0x8000u && (low & 1u))) return static_cast<std::uint16_t>(low + 1);
  return low;
}

// A matrix stored in `dtype`, by rows or by columns, with `gap` unused elements (NaN) after each line.
struct Matrix {
  std::int64_t rows, cols;
  DType dtype;
  bool by_rows;
  std::int64_t stride;
  std::vector<char> bytes;

  // Values lie in [low, 1): signed unless asked otherwise.
  Matrix(std::int64_t rows, std::int64_t cols, DType dtype, bool by_rows, unsigned seed, std::int64_t gap = 0,
         float low = -1.0f)
      : rows(rows), cols(cols), dtype(dtype), by_rows(by_rows), stride((by_rows ? cols : rows) + gap) {
    bytes.assign(static_cast<std::size_t>((by_rows ? rows : cols) * stride + 64) * size_of(dtype),
                 static_cast<char>(0xFF));
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> values(low, 1.0f);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) set(i, j, values(random));
    }
  }

  std::int64_t at(std::int64_t i, std::int64_t j) const { return by_rows ? i * stride + j : i + j * stride; }

  void set(std::int64_t i, std::int64_t j, float x) {
    const std::int64_t place = at(i, j);
    if (dtype == DType::kFloat64) reinterpret_cast<double*>(bytes.data())[place] = x;
    if (dtype == DType::kFloat32) reinterpret_cast<float*>(bytes.data())[place] = x;
    if (dtype == DType::kBFloat16) reinterpret_cast<std::uint16_t*>(bytes.data())[place] = round_to_bfloat16(x);
    if (dtype == DType::kFloat16) reinterpret_cast<_Float16*>(bytes.data())[place] = static_cast<_Float16>(x);
  }

  double get(std::int64_t i, std::int64_t j) const {
    const std::int64_t place = at(i, j);
    if (dtype == DType::kFloat64) return reinterpret_cast<const double*>(bytes.data())[place];
    if (dtype == DType::kFloat32) return reinterpret_cast<const float*>(bytes.data())[place];
    if (dtype == DType::kFloat16) return static_cast<double>(reinterpret_cast<const _Float16*>(bytes.data())[place]);
    return widen(reinterpret_cast<const std::uint16_t*>(bytes.data())[place]);
  }

  Operand operand() const { return {bytes.data(), dtype, rows, cols, by_rows ? stride : 1, by_rows ? 1 : stride}; }
};

// C with `gap` columns on the right that nobody may touch.
struct Output {
  std::int64_t rows, cols, stride;
  DType dtype;
  std::vector<double> wide;
  std::vector<float> narrow;

  Output(std::int64_t rows, std::int64_t cols, DType dtype, double start, std::int64_t gap = 3)
      : rows(rows), cols(cols), stride(cols + gap), dtype(dtype) {
    if (dtype == DType::kFloat64) wide.assign(static_cast<std::size_t>(rows * stride), start);
    if (dtype != DType::kFloat64) narrow.assign(static_cast<std::size_t>(rows * stride), static_cast<float>(start));
  }
  std::size_t place(std::int64_t i, std::int64_t j) const { return static_cast<std::size_t>(i * stride + j); }
  double get(std::int64_t i, std::int64_t j) const { return wide.empty() ? narrow[place(i, j)] : wide[place(i, j)]; }
  // From column `first` on.
  Result result(bool accumulate, std::int64_t first = 0, std::int64_t row = 0) {
    void* data = wide.empty() ? static_cast<void*>(narrow.data() + place(row, first))
                              : static_cast<void*>(wide.data() + place(row, first));
    return {data, stride, accumulate};
  }
};

// |error| <= max(2x the error of a plain loop in the sum's own type, 4 units in the last place of the largest output).
inline void check_product(const Matrix& a, const Matrix& b, const Output& c, double start, bool accumulate,
                          const std::string& what) {
  double error = 0, naive_error = 0, largest = 0;
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = 0; j < c.cols; ++j) {
      double exact = accumulate ? start : 0.0;
      double naive64 = exact;
      float naive = static_cast<float>(exact);
      long double sum = exact;
      for (std::int64_t k = 0; k < a.cols; ++k) {
        const double x = a.get(i, k), y = b.get(k, j);
        sum += static_cast<long double>(x) * y;
        naive64 += x * y;
        naive += static_cast<float>(x) * static_cast<float>(y);
      }
      exact = static_cast<double>(sum);
      error = std::max(error, std::fabs(c.get(i, j) - exact));
      naive_error = std::max(naive_error, std::fabs((c.dtype == DType::kFloat64 ? naive64 : naive) - exact));
      largest = std::max(largest, std::fabs(exact));
      if (!(std::fabs(c.get(i, j)) < 1e30)) throw check::Failure(what + ": not finite");
    }
  }
  const double ulp = c.dtype == DType::kFloat64 ? std::ldexp(largest, -52) : std::ldexp(largest, -23);
  if (error > std::max(2 * naive_error, 4 * ulp)) {
    throw check::Failure(
        text(what, ": error ", error, ", of a plain loop ", naive_error, ", unit in the last place ", ulp));
  }
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = c.cols; j < c.stride; ++j) {
      if (c.get(i, j) != start) throw check::Failure(what + ": wrote past the right edge");
    }
  }
}

inline constexpr DType kTypes[] = {DType::kFloat32, DType::kBFloat16, DType::kFloat16, DType::kFloat64};

// Weights are kept in the type of the sums.
inline DType weight_type(DType compute) { return accumulator_of(compute); }

// The weight as the product sees it: rounded when compute is bfloat16 or float16.
inline Matrix rounded(const Matrix& b, DType compute) {
  Matrix copy(b.rows, b.cols, compute, true, 0);
  for (std::int64_t i = 0; i < b.rows; ++i) {
    for (std::int64_t j = 0; j < b.cols; ++j) copy.set(i, j, static_cast<float>(b.get(i, j)));
  }
  return copy;
}

// All panels of B, filled on this thread.
class Packed {
 public:
  Packed(const Operand& b, DType compute) : packed_(allocate_packed(plain_kernels(), b.rows, b.cols, compute)) {
    for (int p = 0; p < packed_->panels; ++p) pack_panel(b, packed_, p);
  }
  ~Packed() { free_packed(packed_); }
  Packed(const Packed&) = delete;
  Packed& operator=(const Packed&) = delete;

  void multiply(const Operand& a, Output& c, bool accumulate, std::int64_t row = 0) const {
    for (int p = 0; p < packed_->panels; ++p)
      multiply_packed(a, *packed_, p, c.result(accumulate, panel_of(*packed_, p).begin, row));
  }

 private:
  PackedB* packed_;
};

}  // namespace gemm_cases
