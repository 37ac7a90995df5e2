// Matrix providers against float64 (long double for float64): every type, layout and odd size.
#include "gemm_cases.h"
#include "wudao/base/error.h"

using namespace gemm_cases;

namespace {

constexpr std::int64_t kSizes[] = {1, 2, 3, 7, 15, 16, 17, 31, 33, 63, 65, 129};
constexpr double kStart = 0.25;
// A product of few elements says little of an order of sums: without cancellation its error is bounded by its size.
constexpr std::int64_t kFew = 200;

float lowest(std::int64_t m, std::int64_t n) { return m * n < kFew ? 0.0f : -1.0f; }

std::string title(const char* call, DType dtype, std::int64_t m, std::int64_t k, std::int64_t n, int layout) {
  return text(call, " ", name_of(dtype), " M=", m, " K=", k, " N=", n, " layout ", layout);
}

// Bit 0 of layout: A by columns; bit 1: B by columns; bit 2: accumulate; bit 3: gaps between lines.
void check_multiply(const Provider& provider, DType dtype, std::int64_t m, std::int64_t k, std::int64_t n, int layout) {
  const std::int64_t gap = layout & 8 ? 5 : 0;
  const Matrix a(m, k, dtype, !(layout & 1), 1, gap, lowest(m, n)), b(k, n, dtype, !(layout & 2), 2, gap, lowest(m, n));
  Output c(m, n, dtype, kStart);
  provider.multiply(a.operand(), b.operand(), c.result(layout & 4));
  check_product(a, b, c, kStart, layout & 4, title(provider.name, dtype, m, k, n, layout));
}

void check_packed(DType dtype, std::int64_t m, std::int64_t k, std::int64_t n, int layout) {
  const std::int64_t gap = layout & 8 ? 5 : 0;
  const Matrix a(m, k, dtype, true, 3, gap, lowest(m, n)),
      b(k, n, weight_type(dtype), !(layout & 2), 4, gap, lowest(m, n));
  Output c(m, n, dtype, kStart);
  Packed(b.operand(), dtype).multiply(a.operand(), c, layout & 4);
  check_product(a, rounded(b, dtype), c, kStart, layout & 4, title("packed", dtype, m, k, n, layout));
}

void check_every_provider(DType dtype, std::int64_t m, std::int64_t k, std::int64_t n, int layout) {
  for (const Provider* provider : all_providers()) check_multiply(*provider, dtype, m, k, n, layout);
}

// Each triple of sizes once, the sixteen layouts in turn.
template <class Check>
void for_each_size(Check check) {
  int layout = 0;
  for (std::int64_t m : kSizes) {
    for (std::int64_t k : kSizes) {
      for (std::int64_t n : kSizes) {
        for (DType dtype : kTypes) check(dtype, m, k, n, layout % 16);
        layout += 7;
      }
    }
  }
}

template <class Check>
void for_each_layout(std::int64_t m, std::int64_t k, std::int64_t n, Check check, int step = 1) {
  for (DType dtype : kTypes) {
    for (int layout = 0; layout < 16; layout += step) check(dtype, m, k, n, layout);
  }
}

}  // namespace

TEST(gemm_multiplies_odd_sizes) { for_each_size(check_every_provider); }

TEST(gemm_multiplies_odd_sizes_packed) { for_each_size(check_packed); }

TEST(gemm_multiplies_every_layout) {
  for_each_layout(37, 43, 51, check_every_provider);
  for_each_layout(1, 130, 70, check_every_provider);
  for_each_layout(262, 17, 260, check_every_provider);
}

TEST(gemm_multiplies_every_layout_packed) {
  for_each_layout(37, 43, 51, check_packed);
  for_each_layout(5, 33, 600, check_packed);
}

TEST(gemm_adds_long_sums) {
  for_each_layout(9, 1501, 20, check_every_provider, 5);
  for_each_layout(9, 1501, 260, check_packed, 7);
}

TEST(gemm_without_products_is_zero_or_what_was_there) {
  for (DType dtype : kTypes) {
    const Matrix a(4, 0, dtype, true, 1), b(0, 5, dtype, true, 2), weight(0, 5, weight_type(dtype), true, 2);
    for (bool accumulate : {false, true}) {
      for (const Provider* provider : all_providers()) {
        Output c(4, 5, dtype, kStart);
        provider->multiply(a.operand(), b.operand(), c.result(accumulate));
        CHECK_EQUAL(c.get(3, 4), accumulate ? kStart : 0.0);
        CHECK_EQUAL(c.get(3, 5), kStart);
      }
      Output d(4, 5, dtype, kStart);
      Packed(weight.operand(), dtype).multiply(a.operand(), d, accumulate);
      CHECK_EQUAL(d.get(3, 4), accumulate ? kStart : 0.0);
    }
  }
}

TEST(gemm_rounds_weights_to_the_nearest_bfloat16) {
  const std::uint32_t bits[] = {0x3F808000u, 0x3F818000u, 0x3F808001u, 0x3F817FFFu, 0xBF808000u,
                                0x7F7FFFFFu, 0x7F800000u, 0x00000000u, 0x3F7FFFFFu};
  const std::int64_t n = static_cast<std::int64_t>(std::size(bits));
  Matrix one(1, 1, DType::kBFloat16, true, 1), b(1, n, DType::kFloat32, true, 1);
  one.set(0, 0, 1.0f);
  std::memcpy(b.bytes.data(), bits, sizeof bits);
  Output c(1, n, DType::kBFloat16, 0.0);
  Packed(b.operand(), DType::kBFloat16).multiply(one.operand(), c, false);
  for (std::int64_t j = 0; j < n; ++j)
    CHECK_EQUAL(c.narrow[static_cast<std::size_t>(j)], widen(round_to_bfloat16(std::bit_cast<float>(bits[j]))));
}

// Where few rows pass over a weight, reading it is what takes the time.
TEST(gemm_keeps_weights_of_bfloat16_in_two_bytes) {
  const plain::Kernels& kernels = plain_kernels();
  CHECK_EQUAL(kernels.panel_bytes(768, 256, DType::kBFloat16), 768 * 256 * 2);
  CHECK_EQUAL(kernels.panel_bytes(768, 256, DType::kFloat32), 768 * 256 * 4);
}

TEST(gemm_passes_not_a_number_on) {
  for (DType dtype : kTypes) {
    Matrix a(3, 9, dtype, true, 1), b(9, 4, weight_type(dtype), true, 2);
    b.set(8, 1, std::nanf(""));
    Output c(3, 4, dtype, 0.0);
    Packed(b.operand(), dtype).multiply(a.operand(), c, false);
    CHECK(std::isnan(c.get(2, 1)));
    CHECK(std::isfinite(c.get(2, 0)));
  }
}
