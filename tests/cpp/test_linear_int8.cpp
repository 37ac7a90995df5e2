// Products of training in int8 against sums of whole numbers in float64.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "kernel_levels.h"
#include "wudao/base/error.h"
#include "wudao/kernels/products.h"
#include "wudao/tensor/packed.h"

using wudao::DType;
using wudao::ThreadPool;
using Values = std::vector<float>;

namespace {

struct Case {
  std::int64_t rows, in, out;
};

// A strided line of numbers as integers times a scale.
struct Rounded {
  std::vector<double> codes;
  double scale;
};

Rounded rounded(const float* from, std::int64_t size, std::int64_t stride) {
  float largest = 0;
  for (std::int64_t i = 0; i < size; ++i) largest = std::max(largest, std::abs(from[i * stride]));
  const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
  Rounded out = {{}, double{largest} / 127.0};
  for (std::int64_t i = 0; i < size; ++i) out.codes.push_back(std::nearbyint(double{from[i * stride] * inverse}));
  return out;
}

// Row `row` of a matrix as the forward product rounds it: up with the probability of what is left.
Rounded drawn(const float* matrix, std::int64_t row, std::int64_t size, const wudao::philox::Key& key) {
  const float* const from = matrix + row * size;
  Rounded out = rounded(from, size, 1);
  const float inverse = 127.0f / static_cast<float>(out.scale * 127.0);
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t group = row * ((size + 63) / 64) + i / 64;  // of 64 elements and four blocks
    const auto words = wudao::philox::draw(key, static_cast<std::uint64_t>(4 * group + i % 16 / 4));
    const auto byte = static_cast<float>(words.v[i % 4] >> (i / 16 % 4 * 8) & 0xFF);
    out.codes[static_cast<std::size_t>(i)] = std::nearbyint(from[i] * inverse + (2 * byte - 255) / 512);
  }
  return out;
}

double product(const Rounded& a, const Rounded& b) {
  double total = 0;
  for (std::size_t k = 0; k < a.codes.size(); ++k) total += a.codes[k] * b.codes[k];
  return total * a.scale * b.scale;
}

struct Layer {
  Case shape;
  Values x, weight, dy;
  std::unique_ptr<wudao::PackedForms> packed = std::make_unique<wudao::PackedForms>();
  wudao::philox::Key rounding = {11, 5, 3};
  wudao::philox::Key input_rounding() const {
    return {rounding.seed, rounding.step, rounding.stream + wudao::kernels::kInputRounding};
  }

  explicit Layer(const Case& s)
      : shape(s),
        x(check::random_values<float>(static_cast<std::size_t>(s.rows * s.in), 1)),
        weight(check::random_values<float>(static_cast<std::size_t>(s.out * s.in), 2, 0.1)),
        dy(check::random_values<float>(static_cast<std::size_t>(s.rows * s.out), 3, 1e-4)) {}

  Values forward(const wudao::kernels::Table& table, ThreadPool& pool, std::int64_t first, std::int64_t rows) {
    Values y(static_cast<std::size_t>(rows * shape.out));
    std::vector<std::int32_t> work(static_cast<std::size_t>(wudao::kernels::digit_bytes(rows, shape.in) / 4));
    wudao::kernels::LinearForward p = {};
    p.x = x.data() + first * shape.in, p.weight = weight.data(), p.packed = packed.get(), p.y = y.data();
    p.work = work.data(), p.compute = p.y_type = DType::kFloat32;
    p.rows = rows, p.in = shape.in, p.out = shape.out, p.pool = &pool, p.int8 = true, p.rounding = rounding,
    p.first_row = first;
    table.linear_forward(p);
    return y;
  }

  Values dx(const wudao::kernels::Table& table, ThreadPool& pool, std::int64_t first, std::int64_t rows) {
    Values out(static_cast<std::size_t>(rows * shape.in));
    std::vector<std::int32_t> work(static_cast<std::size_t>(wudao::kernels::digit_bytes(rows, shape.out) / 4));
    wudao::kernels::LinearBackward p = {};
    p.dy = p.du = dy.data() + first * shape.out;
    p.weight = weight.data(), p.packed = packed.get(), p.dx = out.data(), p.digits = work.data();
    p.compute = p.y_type = DType::kFloat32;
    p.rows = rows, p.in = shape.in, p.out = shape.out, p.shards = 1, p.pool = &pool;
    table.linear_backward(p);
    return out;
  }
};

const std::vector<Case> kCases = {{1, 64, 64}, {5, 192, 72}, {67, 320, 300}, {130, 64, 260}, {3, 20, 12}};

void check_near(const char* what, const Values& found, const std::vector<double>& wanted) {
  double most = 0, worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    most = std::max(most, std::abs(wanted[i]));
    worst = std::max(worst, std::abs(wanted[i] - double{found[i]}));
  }
  if (!(worst <= 1e-6 * most)) throw check::Failure(wudao::text(what, ": off by ", worst, " of ", most));
}

}  // namespace

TEST(int8_products_agree_with_whole_numbers) {
  ThreadPool pool(2);
  for (const Case& s : kCases) {
    Layer layer(s);
    std::vector<double> y, dx;
    for (std::int64_t r = 0; r < s.rows; ++r) {
      const Rounded row = drawn(layer.x.data(), r, s.in, layer.input_rounding());
      for (std::int64_t c = 0; c < s.out; ++c)
        y.push_back(product(row, drawn(layer.weight.data(), c, s.in, layer.rounding)));
      const Rounded gradient = rounded(&layer.dy[static_cast<std::size_t>(r * s.out)], s.out, 1);
      for (std::int64_t c = 0; c < s.in; ++c)
        dx.push_back(product(gradient, rounded(&layer.weight[static_cast<std::size_t>(c)], s.out, s.in)));
    }
    check::on_every_level([&](const wudao::kernels::Table& table) {
      check_near("y", layer.forward(table, pool, 0, s.rows), y);
      check_near("dx", layer.dx(table, pool, 0, s.rows), dx);
    });
  }
}

TEST(int8_products_have_the_same_bits_alone_and_on_any_number_of_threads) {
  ThreadPool one(1), three(3);
  for (const Case& s : kCases) {
    Layer layer(s);
    check::on_every_level([&](const wudao::kernels::Table& table) {
      const Values y = layer.forward(table, three, 0, s.rows), dx = layer.dx(table, three, 0, s.rows);
      CHECK(check::same_bits(y, layer.forward(table, one, 0, s.rows)));
      CHECK(check::same_bits(dx, layer.dx(table, one, 0, s.rows)));
      CHECK(check::same_bits(layer.forward(table, one, s.rows - 1, 1), Values(y.end() - s.out, y.end())));
      CHECK(check::same_bits(layer.dx(table, one, s.rows - 1, 1), Values(dx.end() - s.in, dx.end())));
    });
  }
}

TEST(int8_products_follow_a_weight_that_changes) {
  ThreadPool pool(2);
  Layer layer({4, 64, 68});
  check::on_every_level([&](const wudao::kernels::Table& table) {
    const Values y = layer.forward(table, pool, 0, 4), dx = layer.dx(table, pool, 0, 4);
    for (float& value : layer.weight) value *= 2;
    layer.packed->mark_stale();
    const Values twice = layer.forward(table, pool, 0, 4), dx_twice = layer.dx(table, pool, 0, 4);
    for (std::size_t i = 0; i < y.size(); ++i) CHECK_EQUAL(twice[i], 2 * y[i]);
    for (std::size_t i = 0; i < dx.size(); ++i) CHECK_EQUAL(dx_twice[i], 2 * dx[i]);
  });
}

TEST(int8_products_keep_what_is_not_finite) {
  ThreadPool pool(1);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float strange : {std::nanf(""), infinity, -infinity}) {
    Layer layer({2, 64, 64});
    layer.weight[5 * 64 + 7] = strange;
    check::on_every_level([&](const wudao::kernels::Table& table) {
      const Values y = layer.forward(table, pool, 0, 2), dx = layer.dx(table, pool, 0, 2);
      CHECK(!std::isfinite(y[5]) && std::isfinite(y[6]));
      CHECK(!std::isfinite(dx[7]) && std::isfinite(dx[6]));
    });
    layer.x[70] = layer.dy[70] = strange;
    check::on_every_level([&](const wudao::kernels::Table& table) {
      CHECK(!std::isfinite(layer.forward(table, pool, 0, 2)[64]));
      CHECK(!std::isfinite(layer.dx(table, pool, 0, 2)[64]));
    });
  }
}

TEST(int8_products_of_the_smallest_numbers_are_finite) {
  ThreadPool pool(1);
  Layer layer({2, 64, 64});
  for (Values* values : {&layer.x, &layer.weight, &layer.dy}) {
    for (float& value : *values) value *= 1e-38f;
  }
  check::on_every_level([&](const wudao::kernels::Table& table) {
    for (const float y : layer.forward(table, pool, 0, 2)) CHECK(std::isfinite(y));
    for (const float dx : layer.dx(table, pool, 0, 2)) CHECK(std::isfinite(dx));
  });
}

TEST(int8_products_round_the_weight_anew_in_each_step_and_right_on_average) {
  ThreadPool pool(1);
  Layer layer({1, 64, 8});
  std::fill(layer.x.begin(), layer.x.end(), 0.0f);
  layer.x[5] = 1;  // y is column 5 of W
  check::on_every_level([&](const wudao::kernels::Table& table) {
    constexpr int kSteps = 2000;
    std::vector<double> mean(8);
    layer.rounding.step = 1;
    const Values first = layer.forward(table, pool, 0, 1);
    for (int step = 1; step <= kSteps; ++step) {
      layer.rounding.step = static_cast<std::uint32_t>(step);
      const Values y = layer.forward(table, pool, 0, 1);
      for (std::size_t c = 0; c < 8; ++c) mean[c] += double{y[c]} / kSteps;
    }
    for (std::int64_t c = 0; c < 8; ++c) {
      const Rounded row = rounded(&layer.weight[static_cast<std::size_t>(c * 64)], 64, 1);
      const double weight = double{layer.weight[static_cast<std::size_t>(c * 64 + 5)]};
      // The error of a mean has a deviation of at most half a code over the root of the steps.
      CHECK(std::abs(mean[static_cast<std::size_t>(c)] - weight) <
            row.scale * (5 * 0.5 / std::sqrt(kSteps) + 1.0 / 256));
    }
    layer.rounding.step = 1;
    CHECK(check::same_bits(first, layer.forward(table, pool, 0, 1)));
  });
}
