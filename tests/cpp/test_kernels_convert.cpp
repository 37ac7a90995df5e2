// Rounding to bfloat16 and float16, and add and accumulate over every mix of types and every length of the tail.
#include <bit>
#include <cmath>
#include <limits>

#include "kernel_levels.h"
#include "wudao/kernels/elementwise.h"

using namespace wudao;

namespace {

template <class X>
std::vector<std::uint16_t> to_half(const kernels::Table& table, const std::vector<X>& x, DType half) {
  ThreadPool pool(2);
  std::vector<std::uint16_t> y(x.size());
  table.convert({x.data(), y.data(), check::dtype_of<X>(), half, static_cast<std::int64_t>(x.size()), &pool});
  return y;
}

// Round to nearest, ties to even, in integers.
std::uint16_t reference(std::uint32_t bits) {
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<std::uint16_t>((bits >> 16) | 0x40);
  const std::uint32_t rest = bits & 0xffff, upper = bits >> 16;
  return static_cast<std::uint16_t>(upper + (rest > 0x8000 || (rest == 0x8000 && (upper & 1)) ? 1 : 0));
}

}  // namespace

TEST(convert_rounds_every_kind_of_float_to_bfloat16) {
  std::vector<float> x;
  std::vector<std::uint16_t> want;
  for (std::uint32_t upper = 0; upper < 0x10000; ++upper) {
    for (const std::uint32_t rest : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      x.push_back(std::bit_cast<float>(upper << 16 | rest));
      want.push_back(reference(upper << 16 | rest));
    }
  }
  check::on_every_level([&](const kernels::Table& table) { CHECK(check::same_bits(to_half(table, x, DType::kBFloat16), want)); });
}

TEST(convert_rounds_float64_to_bfloat16_once) {
  const double above = 1.0 + 0x1p-8 + 0x1p-40;  // a float in between would be the tie 1 + 2^-8 and go to even
  const std::vector<double> x = {
      above, -above, 1.0 + 0x1p-8, 1e300, -1e-300, std::numeric_limits<double>::infinity(), 3.0, 0x1.ffp+127};
  const std::vector<std::uint16_t> want = {0x3f81, 0xbf81, 0x3f80, 0x7f80, 0x8000, 0x7f80, 0x4040, 0x7f80};
  check::on_every_level([&](const kernels::Table& table) {
    CHECK(check::same_bits(to_half(table, x, DType::kBFloat16), want));
    CHECK(to_half(table, std::vector<double>{std::nan("")}, DType::kBFloat16)[0] > 0x7f80);
  });
}

TEST(convert_widens_every_float16) {
  std::vector<std::uint16_t> x;
  std::vector<float> want;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    x.push_back(static_cast<std::uint16_t>(bits));
    want.push_back(static_cast<float>(std::bit_cast<_Float16>(x.back())));
  }
  check::on_every_level([&](const kernels::Table& table) {
    ThreadPool pool(2);
    std::vector<float> y(x.size());
    table.convert({x.data(), y.data(), DType::kFloat16, DType::kFloat32, static_cast<std::int64_t>(x.size()), &pool});
    CHECK(check::same_bits(y, want));
  });
}

// Around every value of float16, around the middle to the next one, and NaNs.
TEST(convert_rounds_every_kind_of_float_to_float16) {
  std::vector<float> x;
  std::vector<std::uint16_t> want;
  for (std::uint32_t upper = 0; upper < 0x80000; ++upper) {
    for (const std::uint32_t rest : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x1fffu}) {
      x.push_back(std::bit_cast<float>(upper << 13 | rest));
      want.push_back(std::bit_cast<std::uint16_t>(static_cast<_Float16>(x.back())));
    }
  }
  check::on_every_level([&](const kernels::Table& table) {
    CHECK(check::same_bits(to_half(table, x, DType::kFloat16), want));
  });
}

TEST(convert_rounds_float64_to_float16_once) {
  const double above = 1.0 + 0x1p-11 + 0x1p-40;  // a float in between would be the tie 1 + 2^-11 and go to even
  const std::vector<double> x = {above, -above, 1.0 + 0x1p-11, 65519.999, 65520.0, -1e-300, 3.0, 0x1p-25 + 0x1p-60};
  const std::vector<std::uint16_t> want = {0x3c01, 0xbc01, 0x3c00, 0x7bff, 0x7c00, 0x8000, 0x4200, 0x0001};
  check::on_every_level([&](const kernels::Table& table) {
    CHECK(check::same_bits(to_half(table, x, DType::kFloat16), want));
  });
}

TEST(add_takes_any_mix_of_types_and_any_length) {
  const std::vector<std::uint16_t> a = {0x3f80, 0x4000, 0xc040, 0x3f00, 0x8000};  // 1, 2, -3, 0.5, -0
  check::on_every_level([&](const kernels::Table& table) {
    ThreadPool pool(2);
    for (std::size_t size = 0; size < 70; ++size) {
      std::vector<std::uint16_t> x(size);
      std::vector<double> b(size), y(size + 1, 7.0), want(size + 1, 7.0);
      for (std::size_t i = 0; i < size; ++i) {
        x[i] = a[i % a.size()], b[i] = 0.1 * static_cast<double>(i);
        want[i] = static_cast<double>(std::bit_cast<float>(std::uint32_t{x[i]} << 16)) + b[i];
      }
      table.add({x.data(), b.data(), y.data(), DType::kBFloat16, DType::kFloat64, DType::kFloat64,
                 static_cast<std::int64_t>(size), &pool});
      CHECK(check::same_bits(y, want));
    }
  });
}

TEST(accumulate_works_in_place_over_many_tasks) {
  check::on_every_level([](const kernels::Table& table) {
    ThreadPool pool(2);
    const auto x = check::random_values<float>(100003, 1);
    auto y = check::random_values<float>(100003, 2), want = y;
    for (std::size_t i = 0; i < x.size(); ++i) want[i] += x[i];
    table.accumulate({x.data(), y.data(), DType::kFloat32, static_cast<std::int64_t>(x.size()), &pool});
    CHECK(check::same_bits(y, want));
  });
}
