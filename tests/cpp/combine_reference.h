// Rows that are combined by token, with their arrays, and the same by plain loops summed in T.
#pragma once

#include <numeric>

#include "values.h"
#include "wudao/base/philox.h"
#include "wudao/kernels/experts.h"

namespace check {

struct CombineCase {
  std::int64_t rows, cols, k;
  DType compute, y_type;
  double dropout;
  bool residual, weighted;

  std::string text() const {
    return wudao::text(rows, "x", cols, " k ", k, " ", name_of(compute), " ", name_of(y_type), " dropout ", dropout);
  }
};

// Every fifth choice and all choices of every seventh token have no row; some rows are nobody's.
inline std::vector<std::int64_t> scattered_slots(std::int64_t rows, std::int64_t k, std::int64_t made) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(made)), slot(static_cast<std::size_t>(rows * k));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  for (std::size_t i = 0; i < slot.size(); ++i) {
    const bool none = i % 5 == 3 || i / static_cast<std::size_t>(k) % 7 == 2;
    slot[i] = none ? -1 : order[i];
  }
  return slot;
}

struct CombineRun {
  CombineCase shape;
  std::int64_t first_row = 0, made;
  std::vector<std::int64_t> slot;
  Values r, weights, residual, dy, y, dr, dweights;
  wudao::philox::Key key = {7, 3, 11};

  explicit CombineRun(const CombineCase& s)
      : shape(s),
        made(s.rows * s.k + 3),
        slot(scattered_slots(s.rows, s.k, made)),
        r(Values::random(s.compute, made * s.cols, 1)),
        weights(Values::random(wudao::accumulator_of(s.compute), s.rows * s.k, 2)),
        residual(Values::random(s.y_type, s.rows * s.cols, 3)),
        dy(Values::random(s.y_type, s.rows * s.cols, 4)),
        y(unwritten(s.y_type, s.rows * s.cols)),
        dr(unwritten(s.compute, made * s.cols)),
        dweights(unwritten(wudao::accumulator_of(s.compute), s.rows * s.k)) {}

  // Tokens [begin, end) as rows of their own.
  CombineRun part(std::int64_t begin, std::int64_t end) const {
    CombineCase small = shape;
    small.rows = end - begin;
    CombineRun run(small);
    run.first_row = begin;
    run.slot.assign(slot.begin() + begin * shape.k, slot.begin() + end * shape.k);
    run.r = r;
    run.dr = unwritten(shape.compute, made * shape.cols);
    run.weights = slice(weights, begin * shape.k, end * shape.k);
    run.residual = slice(residual, begin * shape.cols, end * shape.cols);
    run.dy = slice(dy, begin * shape.cols, end * shape.cols);
    return run;
  }

  void forward(const wudao::kernels::Table& table, wudao::ThreadPool& pool) {
    const CombineCase& s = shape;
    table.combine_rows({r.data(), slot.data(), s.weighted ? weights.data() : nullptr,
                        s.residual ? residual.data() : nullptr, y.data(), s.compute, s.y_type, s.dropout, key,
                        first_row, s.rows, s.cols, s.k, &pool});
  }

  void backward(const wudao::kernels::Table& table, wudao::ThreadPool& pool) {
    const CombineCase& s = shape;
    table.combine_backward({dy.data(), r.data(), slot.data(), weights.data(), dr.data(), dweights.data(), s.compute,
                            s.y_type, s.dropout, key, first_row, s.rows, s.cols, s.k, &pool});
  }

  void run(const wudao::kernels::Table& table, wudao::ThreadPool& pool) {
    forward(table, pool);
    backward(table, pool);
  }
};

struct CombineResult {
  std::vector<double> y, dr, dweights;
};

template <class T>
CombineResult combine_reference(const CombineRun& run) {
  const CombineCase& s = run.shape;
  const auto cols = static_cast<std::size_t>(s.cols), k = static_cast<std::size_t>(s.k);
  CombineResult result;
  result.dr.assign(run.dr.size(), 77.0);
  for (std::size_t t = 0; t < static_cast<std::size_t>(s.rows); ++t) {
    std::vector<T> y(cols), d(cols);
    for (std::size_t c = 0; c < cols; ++c) {
      const std::uint64_t number = (static_cast<std::uint64_t>(run.first_row) + t) * cols + c;
      const bool kept = wudao::philox::uniform_at(run.key, number) >= s.dropout;
      const T factor = s.dropout == 0.0 ? T(1) : kept ? 1 / (1 - T(s.dropout)) : T(0);
      for (std::size_t j = 0; j < k; ++j) {
        const std::int64_t slot = run.slot[t * k + j];
        const T w = s.weighted ? T(run.weights[t * k + j]) : T(1);
        if (slot >= 0) y[c] += w * T(run.r[static_cast<std::size_t>(slot) * cols + c]);
      }
      y[c] = y[c] * factor + (s.residual ? T(run.residual[t * cols + c]) : T(0));
      d[c] = T(run.dy[t * cols + c]) * factor;
    }
    for (std::size_t j = 0; j < k; ++j) {
      const std::int64_t slot = run.slot[t * k + j];
      T dw = 0;
      for (std::size_t c = 0; slot >= 0 && c < cols; ++c) {
        const std::size_t at = static_cast<std::size_t>(slot) * cols + c;
        dw += d[c] * T(run.r[at]);
        result.dr[at] = static_cast<double>(T(run.weights[t * k + j]) * d[c]);
      }
      result.dweights.push_back(static_cast<double>(dw));
    }
    result.y.insert(result.y.end(), y.begin(), y.end());
  }
  return result;
}

}  // namespace check
