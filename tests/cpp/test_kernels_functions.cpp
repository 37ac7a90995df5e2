// GELU and log-softmax: errors in units of the last place over the whole range, and the edges.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernel_levels.h"
#include "wudao/kernels/elementwise.h"
#include "wudao/kernels/products.h"

using namespace wudao;

namespace {

constexpr double kRoot = 0.79788456080286535588, kCubic = 0.044715;

double gate(double x, bool tanh_form) {
  return tanh_form ? 1 / (1 + std::exp(-2 * kRoot * (x + kCubic * x * x * x))) : 0.5 * std::erfc(-x / std::sqrt(2.0));
}

double slope(double x, bool tanh_form) {
  const double g = gate(x, tanh_form);
  if (tanh_form) return g + x * g * (1 - g) * 2 * kRoot * (1 + 3 * kCubic * x * x);
  return g + x * std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
}

double unit(double x) { return std::ldexp(1.0, std::max(std::ilogb(x) - 23, -149)); }

std::vector<float> line(double low, double high, int count) {
  std::vector<float> x;
  for (int i = 0; i < count; ++i) x.push_back(static_cast<float>(low + (high - low) * i / (count - 1)));
  return x;
}

template <class T>
std::vector<T> gelu(const kernels::Table& table, const std::vector<T>& x, bool tanh_form, const T* dy = nullptr) {
  ThreadPool pool(2);
  std::vector<T> y(x.size());
  (dy == nullptr ? table.gelu_forward : table.gelu_backward)(
      {x.data(), dy, y.data(), check::dtype_of<T>(), tanh_form, static_cast<std::int64_t>(x.size()), &pool});
  return y;
}

template <class T>
std::vector<T> log_softmax(const kernels::Table& table, const std::vector<T>& x, std::int64_t rows) {
  ThreadPool pool(2);
  std::vector<T> y(x.size());
  table.log_softmax(
      {x.data(), y.data(), check::dtype_of<T>(), rows, static_cast<std::int64_t>(x.size()) / rows, &pool});
  return y;
}

}  // namespace

TEST(gelu_keeps_its_relative_error_in_the_left_tail) {
  check::on_every_level([](const kernels::Table& table) {
    const auto x = line(-5.0, 9.0, 20001);
    const auto erf = gelu(table, x, false), tanh = gelu(table, x, true);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = static_cast<double>(x[i]);
      // The exponent of the tanh form carries the rounding of its three steps into the result.
      const double exponent = 2 * kRoot * std::fabs(v + kCubic * v * v * v);
      CHECK(std::fabs(static_cast<double>(erf[i]) - v * gate(v, false)) <= 8 * unit(v * gate(v, false)));
      CHECK(std::fabs(static_cast<double>(tanh[i]) - v * gate(v, true)) <=
            (4 + 1.5 * exponent) * unit(v * gate(v, true)));
    }
  });
}

TEST(gelu_slope_is_within_a_few_units) {
  check::on_every_level([](const kernels::Table& table) {
    const auto x = line(-12.0, 12.0, 20001);
    const std::vector<float> ones(x.size(), 1.0f);
    for (const bool tanh_form : {false, true}) {
      const auto y = gelu(table, x, tanh_form, ones.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK(std::fabs(static_cast<double>(y[i]) - slope(static_cast<double>(x[i]), tanh_form)) <= 4 * 0x1p-23);
      }
    }
  });
}

TEST(gelu_in_float64_agrees_with_the_c_library) {
  check::on_every_level([](const kernels::Table& table) {
    const auto x = check::random_values<double>(1001, 3, 3.0);
    const std::vector<double> ones(x.size(), 1.0);
    for (const bool tanh_form : {false, true}) {
      const auto y = gelu(table, x, tanh_form), dx = gelu(table, x, tanh_form, ones.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK(std::fabs(y[i] - x[i] * gate(x[i], tanh_form)) <= 1e-14);
        CHECK(std::fabs(dx[i] - slope(x[i], tanh_form)) <= 1e-14);
      }
    }
  });
}

TEST(gelu_of_huge_values_and_nan) {
  const std::vector<float> x = {1e20f, -1e20f, 3e38f, -3e38f, 0.0f, std::nanf("")}, ones(6, 1.0f);
  check::on_every_level([&](const kernels::Table& table) {
    for (const bool tanh_form : {false, true}) {
      const auto y = gelu(table, x, tanh_form), dx = gelu(table, x, tanh_form, ones.data());
      CHECK(y[0] == 1e20f && y[1] == 0.0f && y[2] == 3e38f && y[3] == 0.0f && y[4] == 0.0f && std::isnan(y[5]));
      CHECK(dx[0] == 1.0f && dx[2] == 1.0f && dx[4] == 0.5f && std::isnan(dx[5]));
      CHECK(std::fabs(dx[1]) < 1e-24f && std::fabs(dx[3]) < 1e-24f);
    }
  });
}

TEST(log_softmax_of_rows_of_every_length) {
  check::on_every_level([](const kernels::Table& table) {
    for (std::int64_t cols = 1; cols < 140; ++cols) {
      const auto x = check::random_values<float>(static_cast<std::size_t>(3 * cols), 5, 20.0);
      const auto y = log_softmax(table, x, 3);
      for (std::int64_t row = 0; row < 3; ++row) {
        double sum = 0;
        for (std::int64_t j = 0; j < cols; ++j) sum += std::exp(static_cast<double>(x[row * cols + j]));
        for (std::int64_t j = 0; j < cols; ++j) {
          const double want = static_cast<double>(x[row * cols + j]) - std::log(sum);
          CHECK(std::fabs(static_cast<double>(y[row * cols + j]) - want) <= 2e-7 * (1 + std::fabs(want)));
        }
      }
    }
  });
}

TEST(log_softmax_takes_minus_infinity_and_large_logits) {
  const float infinity = std::numeric_limits<float>::infinity();
  check::on_every_level([&](const kernels::Table& table) {
    const auto y = log_softmax(table, std::vector<float>{1e30f, 1e30f, -infinity, 0.0f}, 1);
    CHECK_EQUAL(y[0], static_cast<float>(-std::log(2.0)));
    CHECK(y[2] == -infinity && y[3] == -1e30f);
  });
}
