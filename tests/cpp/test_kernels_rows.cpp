// Layer norm over rows of every length against float64, and the kernels that change parameters.
#include <cmath>
#include <limits>

#include "kernel_levels.h"
#include "wudao/kernels/rows.h"
#include "wudao/kernels/update.h"

using namespace wudao;

namespace {

struct Norm {
  std::vector<float> y, mean, rstd;
};

Norm layer_norm(const kernels::Table& table, const std::vector<float>& x, const std::vector<float>& gamma,
                const std::vector<float>& beta) {
  ThreadPool pool(2);
  const auto cols = static_cast<std::int64_t>(gamma.size()), rows = static_cast<std::int64_t>(x.size()) / cols;
  Norm of = {std::vector<float>(x.size()), std::vector<float>(rows), std::vector<float>(rows)};
  table.layer_norm_forward({x.data(), gamma.data(), beta.data(), of.y.data(), of.mean.data(), of.rstd.data(),
                            DType::kFloat32, DType::kFloat32, rows, cols, 1e-5, &pool});
  return of;
}

void check_row(const float* x, const std::vector<float>& gamma, const std::vector<float>& beta, const float* y) {
  const std::size_t cols = gamma.size();
  double mean = 0, variance = 0;
  for (std::size_t j = 0; j < cols; ++j) mean += static_cast<double>(x[j]) / static_cast<double>(cols);
  for (std::size_t j = 0; j < cols; ++j)
    variance += std::pow(static_cast<double>(x[j]) - mean, 2) / static_cast<double>(cols);
  for (std::size_t j = 0; j < cols; ++j) {
    const double normal = (static_cast<double>(x[j]) - mean) / std::sqrt(variance + 1e-5);
    const double want = normal * static_cast<double>(gamma[j]) + static_cast<double>(beta[j]);
    CHECK(std::fabs(static_cast<double>(y[j]) - want) <= 2e-6 * (1 + std::fabs(want)));
  }
}

}  // namespace

TEST(layer_norm_of_rows_of_every_length) {
  check::on_every_level([](const kernels::Table& table) {
    for (std::size_t cols = 1; cols < 140; ++cols) {
      auto x = check::random_values<float>(3 * cols, 1);
      for (float& value : x) value += 3.0f;
      const auto gamma = check::random_values<float>(cols, 2), beta = check::random_values<float>(cols, 3);
      const Norm of = layer_norm(table, x, gamma, beta);
      for (std::size_t n = 0; n < 3; ++n) check_row(&x[n * cols], gamma, beta, &of.y[n * cols]);
    }
  });
}

TEST(adamw_makes_the_first_two_steps_by_hand) {
  check::on_every_level([](const kernels::Table& table) {
    ThreadPool pool(2);
    std::vector<double> p(21, 1.0), m(21, 0.0), v(21, 0.0), grad(21, 4.0);
    const auto step = [&](int t) {
      table.adamw({p.data(), grad.data(), m.data(), v.data(), DType::kFloat64, 21, 0.1, 0.9, 0.99, 0.0, 0.5, 0.25,
                   1 - std::pow(0.9, t), 1 - std::pow(0.99, t), &pool});
    };
    step(1);  // g = 1: m / c1 = v / c2 = 1, so p = 1 - 0.1 (1 + 0.5)
    CHECK(std::fabs(p[20] - 0.85) < 1e-15 && std::fabs(m[20] - 0.1) < 1e-15 && std::fabs(v[20] - 0.01) < 1e-15);
    step(2);  // the same again: p = 0.85 - 0.1 (1 + 0.5 * 0.85)
    CHECK(std::fabs(p[20] - 0.7075) < 1e-14 && std::fabs(m[0] - 0.19) < 1e-15 && std::fabs(v[0] - 0.0199) < 1e-15);
  });
}

TEST(adamw_in_float32_keeps_small_rates) {
  check::on_every_level([](const kernels::Table& table) {
    ThreadPool pool(1);
    std::vector<float> p = {1e-3f}, m = {0.0f}, v = {0.0f}, grad = {0.5f};
    const double b2 = 0.999;
    table.adamw({p.data(), grad.data(), m.data(), v.data(), DType::kFloat32, 1, 1e-4, 0.9, b2, 1e-8, 0.01, 1.0, 1 - 0.9,
                 1 - b2, &pool});
    CHECK(std::fabs(static_cast<double>(v[0]) / (0.25 * (1 - b2)) - 1) < 1e-7);
    CHECK(std::fabs(static_cast<double>(p[0]) / (1e-3 - 1e-4 * (1 / (1 + 1e-8 / 0.5) + 0.01 * 1e-3)) - 1) < 2e-7);
  });
}

TEST(sum_of_squares_is_in_double_and_the_same_for_any_threads) {
  check::on_every_level([](const kernels::Table& table) {
    const auto x = check::random_values<float>(5 * 4096 + 77, 9);
    double plain = 0, total[2];
    for (const float value : x) plain += static_cast<double>(value) * static_cast<double>(value);
    for (const int threads : {1, 4}) {
      ThreadPool pool(threads);
      std::vector<double> work(6);
      table.sum_squares(
          {x.data(), &total[threads / 4], work.data(), DType::kFloat32, static_cast<std::int64_t>(x.size()), &pool});
    }
    CHECK_EQUAL(total[0], total[1]);
    CHECK(std::fabs(total[0] / plain - 1) < 1e-12);
  });
}

TEST(scale_adds_and_ignores_y_when_its_factor_is_zero) {
  check::on_every_level([](const kernels::Table& table) {
    ThreadPool pool(1);
    const std::vector<float> x(19, 3.0f);
    std::vector<float> y(19, 5.0f);
    table.scale({x.data(), y.data(), 2.0, -1.0, DType::kFloat32, 19, &pool});
    CHECK(check::same_bits(y, std::vector<float>(19, 1.0f)));
    std::fill(y.begin(), y.end(), std::numeric_limits<float>::quiet_NaN());
    table.scale({x.data(), y.data(), 2.0, 0.0, DType::kFloat32, 19, &pool});
    CHECK(check::same_bits(y, std::vector<float>(19, 6.0f)));
  });
}

TEST(layer_norm_of_a_single_column_has_no_gradient_left_over) {
  check::on_every_level([](const kernels::Table& table) {
    ThreadPool pool(1);
    const std::vector<float> x = {0.3f, -1.7f}, dy = {0.123456f, 7.7f}, gamma = {1.2345678f}, rstd(2, 316.2278f);
    std::vector<float> dx(2, 1.0f);
    table.layer_norm_backward({x.data(), gamma.data(), x.data(), rstd.data(), dy.data(), dx.data(), nullptr, nullptr,
                               nullptr, DType::kFloat32, DType::kFloat32, 2, 1, 1, &pool});
    CHECK(dx[0] == 0.0f && dx[1] == 0.0f);
  });
}
