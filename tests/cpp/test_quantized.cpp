// Linear layers with weights of few bits, against whole numbers and float64.
#include <algorithm>
#include <cmath>

#include "kernel_levels.h"
#include "wudao/base/error.h"
#include "wudao/kernels/products.h"
#include "wudao/kernels/table.h"
#include "wudao/tensor/packed.h"

namespace {

using wudao::DType;
using wudao::ThreadPool;
using wudao::kernels::QuantizedWeight;

struct Case {
  std::int64_t rows, in, out;
  int bits, activation_bits;
  std::string text() const {
    return wudao::text(rows, "x", in, "x", out, " of ", bits, " bits, activations of ", activation_bits);
  }
};

struct Layer {
  Case shape;
  std::vector<float> x, scales, bias, y;
  std::vector<std::int8_t> codes;   // (out, in)
  std::vector<std::uint8_t> bytes;  // as the engine reads them
  wudao::PackedForms packed;

  explicit Layer(const Case& c)
      : shape(c),
        x(check::random_values<float>(static_cast<std::size_t>(c.rows * c.in), 1)),
        scales(static_cast<std::size_t>(c.out * groups())),
        bias(check::random_values<float>(static_cast<std::size_t>(c.out), 2)),
        y(static_cast<std::size_t>(c.rows * c.out)),
        codes(static_cast<std::size_t>(c.out * c.in)) {
    std::mt19937 engine(3);
    const int most = c.bits == 8 ? 127 : 7;
    for (std::int8_t& code : codes) code = static_cast<std::int8_t>(std::uniform_int_distribution(-most, most)(engine));
    for (float& scale : scales)
      scale = std::ldexp(static_cast<float>(std::uniform_int_distribution(128, 255)(engine)), -12);
    if (c.bits == 8) {
      bytes.assign(codes.begin(), codes.end());
    } else {
      for (std::size_t i = 0; i < codes.size(); i += 8) {
        for (std::size_t b = i; b < i + 4; ++b)
          bytes.push_back(static_cast<std::uint8_t>((codes[b] + 8) | (codes[b + 4] + 8) << 4));
      }
    }
  }

  std::int64_t groups() const { return shape.in / wudao::kernels::quantized_group(shape.bits, shape.in); }

  // Rows [first, first + rows) by `table`.
  std::vector<float> run(const wudao::kernels::Table& table, ThreadPool& pool, std::int64_t first, std::int64_t rows) {
    std::vector<float> out(static_cast<std::size_t>(rows * shape.out));
    const QuantizedWeight weight = {bytes.data(), scales.data(), &packed, shape.bits, shape.activation_bits};
    std::vector<std::int32_t> work(static_cast<std::size_t>(wudao::kernels::digit_bytes(rows, shape.in) / 4));
    table.linear_forward({x.data() + first * shape.in,
                          nullptr,
                          nullptr,
                          bias.data(),
                          nullptr,
                          out.data(),
                          nullptr,
                          work.data(),
                          DType::kFloat32,
                          DType::kFloat32,
                          wudao::kernels::Activation::kNone,
                          0.0,
                          {},
                          0,
                          rows,
                          shape.in,
                          shape.out,
                          &pool,
                          &weight});
    return out;
  }

  double exact(std::int64_t row, std::int64_t col) const {
    const float* from = x.data() + row * shape.in;
    const float levels = shape.activation_bits == 8 ? 127.0f : 32639.0f;
    float largest = 0;
    for (std::int64_t k = 0; k < shape.in; ++k) largest = std::max(largest, std::abs(from[k]));
    const float inverse = largest > 0 ? levels / largest : 0.0f;
    double total = 0;
    for (std::int64_t k = 0; k < shape.in; ++k) {
      const float scale = scales[static_cast<std::size_t>(col * groups() + k * groups() / shape.in)];
      total += std::nearbyint(double{from[k] * inverse}) * codes[static_cast<std::size_t>(col * shape.in + k)] *
               double{scale};
    }
    return total * largest / levels + bias[static_cast<std::size_t>(col)];
  }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const int bits : {8, 4}) {
    for (const int activation_bits : {8, 16}) {
      all.push_back({1, 64, 64, bits, activation_bits});
      all.push_back({4, 192, 70, bits, activation_bits});
      all.push_back({67, 320, 300, bits, activation_bits});
    }
  }
  all.push_back({3, 20, 5, 8, 16});  // no whole vector
  return all;
}

void agrees(Layer& layer, const wudao::kernels::Table& table, ThreadPool& pool) {
  const std::vector<float> y = layer.run(table, pool, 0, layer.shape.rows);
  double most = 0, worst = 0;
  for (std::int64_t r = 0; r < layer.shape.rows; ++r) {
    for (std::int64_t c = 0; c < layer.shape.out; ++c) {
      const double wanted = layer.exact(r, c);
      most = std::max(most, std::abs(wanted));
      worst = std::max(worst, std::abs(wanted - y[static_cast<std::size_t>(r * layer.shape.out + c)]));
    }
  }
  if (worst > 1e-6 * most) {
    throw check::Failure(wudao::text(layer.shape.text(), ": off by ", worst, " of ", most));
  }
}

}  // namespace

TEST(quantized_linear_agrees_with_whole_numbers) {
  ThreadPool pool(2);
  for (const Case& shape : cases()) {
    Layer layer(shape);
    check::on_every_level([&](const wudao::kernels::Table& table) { agrees(layer, table, pool); });
  }
}

TEST(quantized_linear_has_the_same_bits_alone_and_on_any_number_of_threads) {
  ThreadPool one(1), three(3);
  for (const Case& shape : cases()) {
    Layer layer(shape);
    check::on_every_level([&](const wudao::kernels::Table& table) {
      const std::vector<float> all = layer.run(table, three, 0, shape.rows);
      CHECK(check::same_bits(all, layer.run(table, one, 0, shape.rows)));
      const auto last = layer.run(table, one, shape.rows - 1, 1);
      CHECK(check::same_bits(last, std::vector<float>(all.end() - shape.out, all.end())));
    });
  }
}

TEST(quantized_linear_keeps_what_is_not_finite) {
  ThreadPool pool(1);
  Layer layer({2, 64, 64, 8, 16});
  layer.x[70] = std::nanf("");
  check::on_every_level([&](const wudao::kernels::Table& table) {
    const std::vector<float> y = layer.run(table, pool, 0, 2);
    CHECK(std::isfinite(y[0]) && std::isnan(y[64]));
  });
}
