// One call of the output loss with its arrays, and the same by plain loops summed in T.
#pragma once

#include <memory>

#include "values.h"
#include "wudao/kernels/products.h"
#include "wudao/tensor/packed.h"

namespace check {

struct LossCase {
  std::int64_t rows, in, vocab, columns;  // columns 0: all
  int shards;
  double counted;  // share of rows with a weight
  DType compute;
};

// Counts what is held, as an arena would.
struct Held {
  std::int64_t now = 0, most = 0;
  static void* allocate(void* self, std::int64_t bytes) {
    auto* held = static_cast<Held*>(self);
    held->now += bytes;
    held->most = std::max(held->most, held->now);
    return ::operator new(static_cast<std::size_t>(bytes), std::align_val_t{64});
  }
  static void release(void* self, void* block, std::int64_t bytes) {
    static_cast<Held*>(self)->now -= bytes;
    ::operator delete(block, std::align_val_t{64});
  }
};

struct LossRun {
  LossCase shape;
  Values h, weight, dh, dweight;
  std::vector<std::int32_t> targets;
  std::vector<double> weights, loss, row_loss;
  std::unique_ptr<wudao::PackedForms> packed = std::make_unique<wudao::PackedForms>();
  Held held;

  explicit LossRun(const LossCase& s)
      : shape(s),
        h(Values::random(s.compute, s.rows * s.in, 1)),
        weight(Values::random(wudao::accumulator_of(s.compute), s.vocab * s.in, 2)),
        dh(s.compute, h.size()),
        dweight(weight.dtype(), weight.size()),
        loss(static_cast<std::size_t>(s.shards)),
        row_loss(static_cast<std::size_t>(s.rows), -1.0) {
    std::mt19937 generator(3);
    for (std::int64_t n = 0; n < s.rows; ++n) {
      targets.push_back(static_cast<std::int32_t>(generator() % static_cast<unsigned>(columns())));
      const double draw = generator() * 0x1p-32, size = 1 + generator() * 0x1p-32;
      weights.push_back(draw < s.counted ? size / static_cast<double>(s.rows) : 0.0);
    }
  }

  std::int64_t columns() const { return shape.columns > 0 ? shape.columns : shape.vocab; }

  // Half `number` of the rows and shards as a micro-batch of its own.
  LossRun half(int number) const {
    LossCase small = shape;
    small.rows /= 2;
    small.shards /= 2;
    LossRun run(small);
    const auto all = h.doubles();
    const auto first = number * small.rows, values = small.rows * small.in;
    run.h = Values(small.compute, {all.begin() + number * values, all.begin() + (number + 1) * values});
    run.targets.assign(targets.begin() + first, targets.begin() + first + small.rows);
    run.weights.assign(weights.begin() + first, weights.begin() + first + small.rows);
    return run;
  }

  void run(const wudao::kernels::Table& table, wudao::ThreadPool& pool, bool gradients = true) {
    const LossCase& s = shape;
    table.output_loss({h.data(), weight.data(), packed.get(), targets.data(), weights.data(), loss.data(),
                       row_loss.data(), gradients ? dh.data() : nullptr, gradients ? dweight.data() : nullptr,
                       Held::allocate, Held::release, &held, s.compute, s.rows, s.in, s.vocab, s.columns, s.shards,
                       &pool});
  }
};

struct LossResult {
  std::vector<double> loss, row_loss, dh, dweight;
};

template <class T>
LossResult loss_reference(const LossRun& run) {
  const auto rows = static_cast<std::size_t>(run.shape.rows), in = static_cast<std::size_t>(run.shape.in);
  const auto vocab = static_cast<std::size_t>(run.shape.vocab), columns = static_cast<std::size_t>(run.columns());
  const Values weight(run.shape.compute, run.weight.doubles());
  LossResult r{std::vector<double>(run.loss.size()), std::vector<double>(rows), {}, {}};
  std::vector<T> dh(rows * in), dweight(vocab * in);
  for (std::size_t n = 0; n < rows; ++n) {
    if (run.weights[n] == 0.0) continue;
    std::vector<T> z(columns);
    for (std::size_t v = 0; v < columns; ++v) {
      for (std::size_t i = 0; i < in; ++i) z[v] += T(run.h[n * in + i]) * T(weight[v * in + i]);
    }
    const T most = *std::max_element(z.begin(), z.end());
    T sum = 0;
    for (T v : z) sum += std::exp(v - most);
    const auto target = static_cast<std::size_t>(run.targets[n]);
    r.row_loss[n] = double(most + std::log(sum) - z[target]);
    r.loss[n * run.loss.size() / rows] += run.weights[n] * r.row_loss[n];
    for (std::size_t v = 0; v < columns; ++v) {
      const T exact = T(run.weights[n]) * (std::exp(z[v] - most) / sum - (v == target ? 1 : 0));
      for (std::size_t i = 0; i < in; ++i) {
        dh[n * in + i] += exact * T(weight[v * in + i]);
        dweight[v * in + i] += T(run.h[n * in + i]) * exact;
      }
    }
  }
  r.dh.assign(dh.begin(), dh.end());
  r.dweight.assign(dweight.begin(), dweight.end());
  return r;
}

}  // namespace check
