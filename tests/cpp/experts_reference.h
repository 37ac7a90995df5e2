// One call of the kernels of experts with its arrays, and the same by plain loops summed in T.
#pragma once

#include <memory>
#include <numeric>

#include "linear_reference.h"
#include "wudao/kernels/experts.h"

namespace check {

using Sizes = std::vector<std::int64_t>;

struct ExpertsCase {
  std::vector<Sizes> rows;  // of each shard of each expert
  std::int64_t in, out;
  DType compute, y_type;
  Activation activation;
  bool bias;

  std::int64_t experts() const { return static_cast<std::int64_t>(rows.size()); }
  int shards() const { return static_cast<int>(rows.front().size()); }
  std::string text() const {
    return wudao::text(rows.size(), " experts ", in, "x", out, " ", name_of(compute), " ", name_of(y_type));
  }
};

// Some of the shards, and what is wanted of them.
struct Node {
  int first, shards;
  bool fresh = true, dx = true, dweights = true, dbiases = true;
};

struct ExpertsRun {
  ExpertsCase shape;
  Sizes begin = {0}, shard_begin, tasks;
  Values x, weights, biases, dy, y, preactivation, dx, dweights, dbiases, du;
  bool du_over_dy = false;
  std::unique_ptr<wudao::PackedForms> packed = std::make_unique<wudao::PackedForms>();

  explicit ExpertsRun(const ExpertsCase& s)
      : shape(s),
        tasks(s.rows.size() + 1),
        x(Values::random(s.compute, place_rows() * s.in, 1)),
        weights(Values::random(sum_type(), s.experts() * s.out * s.in, 2, 0.3)),
        biases(Values::random(sum_type(), s.experts() * s.out, 3)),
        dy(Values::random(s.y_type, rows() * s.out, 4)),
        y(unwritten(s.y_type, rows() * s.out)),
        preactivation(unwritten(s.compute, rows() * s.out)),
        dx(unwritten(s.compute, rows() * s.in)),
        dweights(unwritten(sum_type(), s.experts() * s.out * s.in)),
        dbiases(unwritten(sum_type(), s.experts() * s.out)),
        du(unwritten(s.compute, rows() * s.out)) {}

  std::int64_t rows() const { return begin.back(); }
  const std::int64_t* shards_of(std::int64_t e) const {
    return shard_begin.data() + e * (shape.shards() + 1);
  }

  // Expert e without the others, and of each of its shards no more than `most` rows, the first.
  ExpertsRun alone(std::int64_t e, std::int64_t most = 1 << 20) const {
    ExpertsCase one = shape;
    one.rows = {shape.rows[static_cast<std::size_t>(e)]};
    for (std::int64_t& n : one.rows[0]) n = std::min(n, most);
    ExpertsRun run(one);
    run.x = first_rows(x, e, most);
    run.dy = first_rows(dy, e, most);
    run.weights = of_expert(weights, e);
    run.biases = of_expert(biases, e);
    return run;
  }

  // Of rows of all experts, those that `alone` has.
  Values first_rows(const Values& all, std::int64_t e, std::int64_t most = 1 << 20) const {
    const std::int64_t width = rows() == 0 ? 0 : static_cast<std::int64_t>(all.size()) / rows();
    std::vector<double> found;
    for (int s = 0; s < shape.shards(); ++s) {
      const std::int64_t row = shards_of(e)[s], end = std::min(row + most, shards_of(e)[s + 1]);
      for (std::int64_t i = row * width; i < end * width; ++i) found.push_back(all[static_cast<std::size_t>(i)]);
    }
    return Values(all.dtype(), found);
  }

  // The part of values that every expert has equally many of.
  Values of_expert(const Values& all, std::int64_t e) const {
    const std::int64_t size = static_cast<std::int64_t>(all.size()) / shape.experts();
    return slice(all, e * size, (e + 1) * size);
  }

  // dy itself where nothing has to change.
  bool keeps_dy() const { return shape.activation == Activation::kNone && shape.compute == shape.y_type; }
  Values& stored_du() { return keeps_dy() ? dy : du; }
  const Values& stored_du() const { return keeps_dy() ? dy : du; }
  Node all() const { return {0, shape.shards()}; }

  void forward(const wudao::kernels::Table& table, wudao::ThreadPool& pool, bool keep = true) {
    const ExpertsCase& s = shape;
    table.experts_forward({x.data(), weights.data(), packed.get(), s.bias ? biases.data() : nullptr, y.data(),
                           keep ? preactivation.data() : nullptr, begin.data(), tasks.data(), s.compute, s.y_type,
                           s.activation, s.experts(), s.in, s.out, &pool});
  }

  void backward(const wudao::kernels::Table& table, wudao::ThreadPool& pool, const Node& node) {
    const ExpertsCase& s = shape;
    table.experts_backward({dy.data(),
                            x.data(),
                            weights.data(),
                            packed.get(),
                            s.activation == Activation::kNone ? nullptr : preactivation.data(),
                            node.dx ? dx.data() : nullptr,
                            node.dweights ? dweights.data() : nullptr,
                            node.dbiases ? dbiases.data() : nullptr,
                            du_over_dy ? dy.data() : stored_du().data(),
                            begin.data(),
                            shard_begin.data(),
                            tasks.data(),
                            s.compute,
                            s.y_type,
                            s.activation,
                            s.experts(),
                            s.in,
                            s.out,
                            s.shards(),
                            node.first,
                            node.shards,
                            node.fresh,
                            &pool});
  }

  void run(const wudao::kernels::Table& table, wudao::ThreadPool& pool) {
    forward(table, pool);
    backward(table, pool, all());
  }

 private:
  DType sum_type() const { return wudao::accumulator_of(shape.compute); }

  std::int64_t place_rows() {
    for (const Sizes& of_shard : shape.rows) {
      shard_begin.push_back(begin.back());
      for (const std::int64_t n : of_shard) shard_begin.push_back(shard_begin.back() + n);
      begin.push_back(shard_begin.back());
    }
    return rows();
  }
};

struct ExpertsResult {
  std::vector<double> u, y, du, dx, dweight, dbias;
};

template <class T>
std::vector<T> as(const Values& values) {
  const auto all = values.doubles();
  return {all.begin(), all.end()};
}

// Of one expert; the gradients of its parameters over the shards of `node`.
template <class T>
ExpertsResult experts_reference(const ExpertsRun& run, std::int64_t e, const Node& node) {
  const ExpertsCase& s = run.shape;
  const auto in = static_cast<std::size_t>(s.in), out = static_cast<std::size_t>(s.out);
  // The products see rounded weights; the kernels differentiate at the u that was kept and multiply the du that was
  // stored.
  const auto w = as<T>(Values(s.compute, run.of_expert(run.weights, e).doubles()));
  const auto bias = as<T>(run.of_expert(run.biases, e));
  const auto x = as<T>(run.first_rows(run.x, e)), dy = as<T>(run.first_rows(run.dy, e)),
             kept_u = as<T>(run.first_rows(run.preactivation, e)),
             stored_du = as<T>(run.first_rows(run.stored_du(), e));
  const std::int64_t begin = run.begin[static_cast<std::size_t>(e)], *const shards = run.shards_of(e);
  const auto first = static_cast<std::size_t>(shards[node.first] - begin),
             end = static_cast<std::size_t>(shards[node.first + node.shards] - begin);
  ExpertsResult r;
  std::vector<T> dx(x.size()), dweight(out * in), dbias(out);
  for (std::size_t at = 0; at < dy.size(); ++at) {
    const std::size_t n = at / out, o = at % out;
    T u = 0;
    for (std::size_t i = 0; i < in; ++i) u += x[n * in + i] * w[o * in + i];
    if (s.bias) u += bias[o];
    r.u.push_back(static_cast<double>(u));
    r.y.push_back(static_cast<double>(gelu(u, s.activation)));
    r.du.push_back(static_cast<double>(dy[at] * gelu_slope(kept_u[at], s.activation)));
    for (std::size_t i = 0; i < in; ++i) dx[n * in + i] += stored_du[at] * w[o * in + i];
    if (n < first || n >= end) continue;
    dbias[o] += stored_du[at];
    for (std::size_t i = 0; i < in; ++i) dweight[o * in + i] += stored_du[at] * x[n * in + i];
  }
  r.dx.assign(dx.begin(), dx.end());
  r.dweight.assign(dweight.begin(), dweight.end());
  r.dbias.assign(dbias.begin(), dbias.end());
  return r;
}

}  // namespace check
