#include "wudao/infer/logits.h"

#include <cmath>

#include "wudao/kernels/products.h"
#include "wudao/kernels/table.h"

namespace wudao::infer {

Logits::Logits(const Context& ctx, Tensor values, std::int64_t columns)
    : values_(std::move(values)), columns_(columns) {
  const std::int64_t rows = values_.dim(0);
  best_.resize(static_cast<std::size_t>(rows));
  log_sum_.resize(static_cast<std::size_t>(rows));
  ctx.kernels->row_summary(
      {values_.raw(), best_.data(), log_sum_.data(), values_.dtype(), rows, values_.dim(1), columns_, ctx.pool.get()});
  for (std::int64_t row = 0; row < rows; ++row) {
    if (!std::isfinite(log_sum_[static_cast<std::size_t>(row)])) fail_on(row);
  }
}

void Logits::fail_on(std::int64_t row) const {
  double strange = log_sum_[static_cast<std::size_t>(row)];
  for (const double score : scores(row)) {
    if (!std::isfinite(score)) strange = score;
  }
  fail<Error>("generate", "logits", "finite numbers from the model", text(strange),
              "Its weights are damaged or training diverged; load a sound checkpoint.");
}

double Logits::at(std::int64_t row, std::int64_t id) const {
  const std::int64_t index = row * values_.dim(1) + id;
  return values_.dtype() == DType::kFloat64 ? values_.data<double>()[index] : values_.data<float>()[index];
}

Scores Logits::scores(std::int64_t row) const {
  Scores out(static_cast<std::size_t>(columns_));
  for (std::int64_t id = 0; id < columns_; ++id) out[static_cast<std::size_t>(id)] = at(row, id);
  return out;
}

}  // namespace wudao::infer
