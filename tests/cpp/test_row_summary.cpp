// What choosing a token begins with, and the table of few bits that its id is looked up in.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernel_levels.h"
#include "wudao/kernels/products.h"
#include "wudao/kernels/rows.h"

using namespace wudao;

namespace {

struct Summary {
  std::vector<std::int32_t> best;
  std::vector<double> log_sum;
};

template <class T>
Summary summarise(const kernels::Table& table, const std::vector<T>& x, std::int64_t rows, std::int64_t cols) {
  ThreadPool pool(2);
  const std::int64_t row = static_cast<std::int64_t>(x.size()) / rows;
  Summary of = {std::vector<std::int32_t>(static_cast<std::size_t>(rows), -1),
                std::vector<double>(static_cast<std::size_t>(rows))};
  table.row_summary({x.data(), of.best.data(), of.log_sum.data(), sizeof(T) == 8 ? DType::kFloat64 : DType::kFloat32,
                     rows, row, cols, &pool});
  return of;
}

template <class T>
void check_rows(const kernels::Table& table, std::int64_t cols) {
  constexpr std::int64_t kRows = 3, kPadding = 5;  // what lies behind the counted columns must not show
  std::vector<T> x = check::random_values<T>(static_cast<std::size_t>(kRows * (cols + kPadding)), 7, 4.0);
  for (std::int64_t n = 0; n < kRows; ++n) x[static_cast<std::size_t>(n * (cols + kPadding) + cols)] = T{1e6};
  const Summary of = summarise(table, x, kRows, cols);
  for (std::int64_t n = 0; n < kRows; ++n) {
    const T* row = x.data() + n * (cols + kPadding);
    const auto best = std::max_element(row, row + cols) - row;
    double total = 0;
    for (std::int64_t j = 0; j < cols; ++j) total += std::exp(static_cast<double>(row[j]));
    CHECK_EQUAL(static_cast<std::int64_t>(of.best[static_cast<std::size_t>(n)]), static_cast<std::int64_t>(best));
    CHECK(std::fabs(of.log_sum[static_cast<std::size_t>(n)] - std::log(total)) <= (sizeof(T) == 8 ? 1e-12 : 4e-6));
  }
}

}  // namespace

TEST(row_summary_finds_the_best_and_the_sum_of_rows_of_every_length) {
  check::on_every_level([](const kernels::Table& table) {
    for (std::int64_t cols = 1; cols < 140; ++cols) {
      check_rows<float>(table, cols);
      check_rows<double>(table, cols);
    }
  });
}

TEST(row_summary_takes_the_first_of_equals) {
  check::on_every_level([](const kernels::Table& table) {
    std::vector<float> x(100, 1.0f);
    x[70] = x[41] = x[99] = 2.0f;
    CHECK_EQUAL(summarise(table, x, 1, 100).best[0], 41);
  });
}

TEST(row_summary_tells_what_is_not_finite) {
  const float infinity = std::numeric_limits<float>::infinity();
  check::on_every_level([&](const kernels::Table& table) {
    for (const float strange : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
      for (const std::size_t at : {0, 37, 66}) {
        std::vector<float> x = check::random_values<float>(67, 1);
        x[at] = strange;
        CHECK(!std::isfinite(summarise(table, x, 1, 67).log_sum[0]));
      }
    }
  });
}

TEST(embedding_of_eight_bits_is_scale_times_code) {
  check::on_every_level([](const kernels::Table& table) {
    ThreadPool pool(2);
    constexpr std::int64_t kCols = 37, kTable = 5;
    std::vector<std::int8_t> codes(kTable * kCols);
    for (std::size_t i = 0; i < codes.size(); ++i)
      codes[i] = static_cast<std::int8_t>(static_cast<int>(i * 7 % 255) - 127);
    const std::vector<float> scales = {0.5f, 0.25f, 0.0f, 3.0f, 1e-3f};
    const std::vector<std::int32_t> ids = {4, 0, 2, 3, 3};
    std::vector<float> y(ids.size() * kCols, -1.0f);
    const kernels::QuantizedWeight weight = {codes.data(), scales.data(), nullptr, 8, 16};
    table.embedding_forward(
        {nullptr, ids.data(), y.data(), DType::kFloat32, static_cast<std::int64_t>(ids.size()), kCols, &pool, &weight});
    for (std::size_t n = 0; n < ids.size(); ++n) {
      const auto id = static_cast<std::size_t>(ids[n]);
      for (std::size_t j = 0; j < kCols; ++j)
        CHECK_EQUAL(y[n * kCols + j], scales[id] * static_cast<float>(codes[id * kCols + j]));
    }
  });
}
