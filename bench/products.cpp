// Measures linear (forward with what is fused in, and each part of backward) and the output loss.
//
//   bench_products [threads] [runs] [shards] [width] [rows] [vocabulary]
//
// Width 768, 4096 rows and 30592 tokens if nothing is said. GFLOP/s of the products; elementwise work counts as time
// only.
#include "wudao/kernels/products.h"

#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

#include "clock.h"
#include "wudao/backend/cpu/cpu.h"
#include "wudao/base/thread_pool.h"
#include "wudao/kernels/rows.h"
#include "wudao/tensor/arena.h"
#include "wudao/tensor/packed.h"

using namespace wudao;
using kernels::Activation;

namespace {

struct Bench {
  const kernels::Table& table;
  ThreadPool pool;
  int runs, shards;
  std::int64_t width, rows, vocabulary;

  template <class F>
  double fastest(F&& f) {
    return bench::fastest(runs, pool.size(), f);
  }
};

using Numbers = std::vector<std::uint32_t>;  // float32 or pairs of bfloat16

Numbers numbers(std::int64_t size) {
  Numbers values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 0x3d803d80u + static_cast<std::uint32_t>(i % 61) * 0x10001u;
  return values;
}

struct Shape {
  std::int64_t in, out;
  Activation activation;
  bool residual;
};

void linear(Bench& b, DType compute, const Shape& s) {
  const DType y_type = s.residual ? DType::kFloat32 : compute;
  Numbers x = numbers(b.rows * s.in), weight = numbers(s.out * s.in), bias = numbers(s.out),
          y = numbers(b.rows * s.out), u = y;
  Numbers residual = y, du = y, dx = x, dweight = weight, dbias = bias,
          work = numbers(s.out * kernels::column_chunks(b.rows, b.shards));
  PackedForms packed;
  const bool activated = s.activation != Activation::kNone;
  const double forward = b.fastest([&] {
    b.table.linear_forward({x.data(),
                            weight.data(),
                            &packed,
                            bias.data(),
                            s.residual ? residual.data() : nullptr,
                            y.data(),
                            activated ? u.data() : nullptr,
                            compute,
                            y_type,
                            s.activation,
                            0.0,
                            {},
                            0,
                            b.rows,
                            s.in,
                            s.out,
                            &b.pool});
  });
  void* stored = activated || y_type != compute ? du.data() : y.data();
  kernels::LinearBackward p = {y.data(),     x.data(), weight.data(), &packed, u.data(), nullptr,      nullptr,
                               dbias.data(), stored,   work.data(),   compute, y_type,   s.activation, 0.0,
                               {},           0,        b.rows,        s.in,    s.out,    b.shards,     &b.pool};
  const double pointwise = b.fastest([&] { b.table.linear_backward(p); });
  p.dy = p.du, p.y_type = compute, p.activation = Activation::kNone, p.dbias = nullptr, p.dx = dx.data();
  const double to_x = b.fastest([&] { b.table.linear_backward(p); });
  p.dx = nullptr, p.dweight = dweight.data();
  const double to_weight = b.fastest([&] { b.table.linear_backward(p); });
  const double flops = 2e-9 * static_cast<double>(b.rows * s.in * s.out);
  std::printf("| %s | %ld -> %ld%s%s | %.0f | %.0f | %.0f | %.1f | %.0f |\n", name_of(compute), static_cast<long>(s.in),
              static_cast<long>(s.out), activated ? ", GELU" : "", s.residual ? ", residual" : "", flops / forward,
              flops / to_x, flops / to_weight, pointwise * 1e3, 3 * flops / (forward + pointwise + to_x + to_weight));
}

void* allocate(void* arena, std::int64_t bytes) {
  return static_cast<Arena*>(arena)->allocate(static_cast<std::size_t>(bytes));
}
void release(void* arena, void* block, std::int64_t bytes) {
  static_cast<Arena*>(arena)->release(block, static_cast<std::size_t>(bytes));
}

void output_loss(Bench& b, DType compute, int every) {
  Numbers h = numbers(b.rows * b.width), weight = numbers(b.vocabulary * b.width), dh = h, dweight = weight;
  const std::vector<std::int32_t> targets(static_cast<std::size_t>(b.rows), 7);
  std::vector<double> weights(static_cast<std::size_t>(b.rows), 0.0), loss(static_cast<std::size_t>(b.shards));
  for (std::size_t n = 0; n < weights.size(); n += static_cast<std::size_t>(every))
    weights[n] = 1.0 / static_cast<double>(b.rows);
  PackedForms packed;
  Arena arena;
  kernels::OutputLoss p = {h.data(), weight.data(), &packed,  targets.data(), weights.data(), loss.data(), nullptr,
                           nullptr,  nullptr,       allocate, release,        &arena,         compute,     b.rows,
                           b.width,  b.vocabulary,  0,        b.shards,       &b.pool};
  const double only = b.fastest([&] { b.table.output_loss(p); });
  p.dh = dh.data(), p.dweight = dweight.data();
  const double all = b.fastest([&] { b.table.output_loss(p); });
  const double flops = 2e-9 * static_cast<double>(b.rows / every * b.width * b.vocabulary);
  std::printf("| %s | %ld | %.0f | %.0f | %.0f |\n", name_of(compute), static_cast<long>(b.rows / every), flops / only,
              3 * flops / all, static_cast<double>(arena.stats().peak_bytes) * 1e-6);
}

}  // namespace

int main(int count, char** arguments) {
  const auto argument = [&](int i, int otherwise) { return count > i ? std::atoi(arguments[i]) : otherwise; };
  Bench b = {cpu::table(choose_cpu_level()),
             ThreadPool(argument(1, 1)),
             argument(2, 5),
             argument(3, 8),
             argument(4, 768),
             argument(5, 4096),
             argument(6, 30592)};
  std::printf(
      "%s, %s, %d threads, %d shards\n\n| type | linear | forward | dx | dweight | du and dbias, ms | all, GFLOP/s "
      "|\n|---|---|---|---|---|---|---|\n",
      b.table.level, cpu::matmul_name(), b.pool.size(), b.shards);
  for (DType compute : {DType::kFloat32, DType::kBFloat16}) {
    linear(b, compute, {b.width, 3 * b.width, Activation::kNone, false});
    linear(b, compute, {b.width, b.width, Activation::kNone, true});
    linear(b, compute, {b.width, 4 * b.width, Activation::kGeluTanh, false});
    linear(b, compute, {4 * b.width, b.width, Activation::kNone, true});
  }
  std::printf("\n| type | counted rows | loss | with gradients, GFLOP/s | work space, MB |\n|---|---|---|---|---|\n");
  for (DType compute : {DType::kFloat32, DType::kBFloat16}) {
    for (int every : {1, 4}) output_loss(b, compute, every);
  }
}
