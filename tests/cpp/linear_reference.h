// One call of the linear kernels with its arrays, and the same by plain loops summed in T.
#pragma once

#include <memory>

#include "values.h"
#include "wudao/base/philox.h"
#include "wudao/kernels/products.h"
#include "wudao/kernels/rows.h"
#include "wudao/tensor/packed.h"

namespace check {

using wudao::kernels::Activation;

struct LinearCase {
  std::int64_t rows, in, out;
  int shards;
  DType compute, y_type;
  Activation activation;
  double dropout;
  bool bias, residual;

  std::string text() const {
    return wudao::text(rows, "x", in, "x", out, " ", name_of(compute), " ", name_of(y_type), " dropout ", dropout);
  }
};

struct LinearRun {
  LinearCase shape;
  std::int64_t first_row = 0;
  Values x, weight, bias, residual, dy, y, preactivation, dx, dweight, dbias, du, work;
  std::unique_ptr<wudao::PackedForms> packed = std::make_unique<wudao::PackedForms>();
  wudao::philox::Key key = {7, 3, 11};

  explicit LinearRun(const LinearCase& s)
      : shape(s),
        x(Values::random(s.compute, s.rows * s.in, 1)),
        weight(Values::random(sum_type(), s.out * s.in, 2, 0.3)),
        bias(Values::random(sum_type(), s.out, 3)),
        residual(Values::random(s.y_type, s.rows * s.out, 4)),
        dy(Values::random(s.y_type, s.rows * s.out, 5)),
        y(s.y_type, size(s.rows * s.out)),
        preactivation(s.compute, y.size()),
        dx(s.compute, x.size()),
        dweight(sum_type(), weight.size()),
        dbias(sum_type(), bias.size()),
        du(s.compute, y.size()),
        work(sum_type(), size(s.out * wudao::kernels::column_chunks(s.rows, s.shards))) {}

  // Part `number` of `parts` equal ones as a micro-batch of its own.
  LinearRun part(std::int64_t number, std::int64_t parts) const {
    LinearCase small = shape;
    small.rows /= parts;
    small.shards = static_cast<int>(shape.shards / parts);
    LinearRun run(small);
    run.first_row = number * small.rows;
    run.x = cut(x, number, parts);
    run.dy = cut(dy, number, parts);
    run.residual = cut(residual, number, parts);
    return run;
  }

  static Values cut(const Values& from, std::int64_t number, std::int64_t parts) {
    const auto all = from.doubles();
    const auto step = static_cast<std::ptrdiff_t>(all.size()) / parts;
    return Values(from.dtype(), {all.begin() + number * step, all.begin() + (number + 1) * step});
  }

  // dy itself where nothing has to change.
  bool keeps_dy() const {
    return shape.activation == Activation::kNone && shape.dropout == 0.0 && shape.compute == shape.y_type;
  }
  Values& stored_du() { return keeps_dy() ? dy : du; }
  const Values& stored_du() const { return keeps_dy() ? dy : du; }

  void forward(const wudao::kernels::Table& table, wudao::ThreadPool& pool) {
    const LinearCase& s = shape;
    table.linear_forward({x.data(), weight.data(), packed.get(), s.bias ? bias.data() : nullptr,
                          s.residual ? residual.data() : nullptr, y.data(),
                          s.activation == Activation::kNone ? nullptr : preactivation.data(), nullptr, s.compute, s.y_type,
                          s.activation, s.dropout, key, first_row, s.rows, s.in, s.out, &pool});
  }

  void backward(const wudao::kernels::Table& table, wudao::ThreadPool& pool) {
    const LinearCase& s = shape;
    table.linear_backward({dy.data(),
                           x.data(),
                           weight.data(),
                           packed.get(),
                           preactivation.data(),
                           dx.data(),
                           dweight.data(),
                           s.bias ? dbias.data() : nullptr,
                           stored_du().data(),
                           work.data(),
                           s.compute,
                           s.y_type,
                           s.activation,
                           s.dropout,
                           key,
                           first_row,
                           s.rows,
                           s.in,
                           s.out,
                           s.shards,
                           &pool});
  }

 private:
  DType sum_type() const { return wudao::accumulator_of(shape.compute); }
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
};

inline Values joined(const Values& a, const Values& b) {
  std::vector<double> all = a.doubles();
  for (double v : b.doubles()) all.push_back(v);
  return Values(a.dtype(), all);
}

// a + b in their own type, as whoever accumulates micro-batches adds them.
inline Values sum(const Values& a, const Values& b) {
  std::vector<double> all = a.doubles();
  for (std::size_t i = 0; i < all.size(); ++i) all[i] += b[i];
  return Values(a.dtype(), all);
}

inline Values row_of(const Values& x, std::int64_t row, std::int64_t rows) { return LinearRun::cut(x, row, rows); }

template <class T>
T gelu(T x, Activation form) {
  if (form == Activation::kNone) return x;
  if (form == Activation::kGeluErf) return x / 2 * (1 + std::erf(x * T(0.70710678118654752440)));
  return x / 2 * (1 + std::tanh(T(0.79788456080286535588) * (x + T(0.044715) * x * x * x)));
}

template <class T>
T gelu_slope(T x, Activation form) {
  if (form == Activation::kNone) return 1;
  if (form == Activation::kGeluErf) {
    return (1 + std::erf(x * T(0.70710678118654752440))) / 2 + x * T(0.39894228040143267794) * std::exp(-x * x / 2);
  }
  const T t = std::tanh(T(0.79788456080286535588) * (x + T(0.044715) * x * x * x));
  return (1 + t) / 2 + x / 2 * (1 - t * t) * T(0.79788456080286535588) * (1 + T(0.134145) * x * x);
}

struct LinearResult {
  std::vector<double> u, y, du, dx, dweight, dbias;
};

template <class T>
LinearResult linear_reference(const LinearRun& run) {
  const LinearCase& s = run.shape;
  const auto rows = static_cast<std::size_t>(s.rows), in = static_cast<std::size_t>(s.in),
             out = static_cast<std::size_t>(s.out);
  const Values weight(s.compute, run.weight.doubles());  // as the products see it
  LinearResult r;
  for (std::vector<double>* each : {&r.u, &r.y, &r.du}) each->resize(rows * out);
  std::vector<T> dx(rows * in), dweight(out * in), dbias(out);
  for (std::size_t n = 0; n < rows; ++n) {
    for (std::size_t o = 0; o < out; ++o) {
      const std::size_t at = n * out + o;
      T u = 0;
      for (std::size_t i = 0; i < in; ++i) u += T(run.x[n * in + i]) * T(weight[o * in + i]);
      if (s.bias) u += T(run.bias[o]);
      const bool kept =
          wudao::philox::uniform_at(run.key, static_cast<std::uint64_t>(run.first_row) * out + at) >= s.dropout;
      const T factor = s.dropout == 0.0 ? T(1) : kept ? T(1 / (1 - s.dropout)) : T(0);
      r.u[at] = u;
      r.y[at] = gelu(u, s.activation) * factor + (s.residual ? T(run.residual[at]) : T(0));
      // The kernels differentiate at the u that was kept, and multiply the du that was stored.
      const T kept_u = s.activation == Activation::kNone ? u : T(run.preactivation[at]);
      const T du = T(run.dy[at]) * factor * gelu_slope(kept_u, s.activation);
      const T rounded = T(run.stored_du()[at]);
      r.du[at] = du;
      dbias[o] += du;
      for (std::size_t i = 0; i < in; ++i) {
        dx[n * in + i] += rounded * T(weight[o * in + i]);
        dweight[o * in + i] += rounded * T(run.x[n * in + i]);
      }
    }
  }
  r.dx.assign(dx.begin(), dx.end());
  r.dweight.assign(dweight.begin(), dweight.end());
  r.dbias.assign(dbias.begin(), dbias.end());
  return r;
}

}  // namespace check
