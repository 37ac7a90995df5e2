#include "wudao/infer/score.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "wudao/infer/logits.h"

namespace wudao::infer {
namespace {

constexpr std::int64_t kLogitRows = 64;

std::vector<std::int64_t> counted_rows(const Scored& rows) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < rows.counted.size(); ++i) {
    if (rows.counted.data<double>()[i] != 0.0) out.push_back(i);
  }
  return out;
}

Tensor take_rows(const Context& ctx, const Tensor& x, std::span<const std::int64_t> rows) {
  Tensor out = ctx.empty({static_cast<std::int64_t>(rows.size()), x.dim(1)}, x.dtype());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(out.rows(static_cast<std::int64_t>(i), 1).raw(), x.rows(rows[i], 1).raw(), x.rows(0, 1).bytes());
  }
  return out;
}

Context whole_batch(const Context& context) {
  Context ctx = context;
  ctx.shards = 1;
  ctx.samples = 0;
  return ctx;
}

// Calls f(logits, their row, row of the batch) for each counted row, with logits of some rows at a time.
template <class F>
void for_each_counted(Context& ctx, const model::GLM& glm, const Scored& rows, const Tensor& hidden, F&& f) {
  const std::vector<std::int64_t> counted = counted_rows(rows);
  for (std::size_t begin = 0; begin < counted.size(); begin += kLogitRows) {
    const std::size_t count = std::min<std::size_t>(kLogitRows, counted.size() - begin);
    const Tensor some = take_rows(ctx, hidden, std::span(counted).subspan(begin, count));
    const Logits logits(ctx, glm.logits(ctx, some), predicted_ids(glm.config()));
    for (std::size_t i = 0; i < count; ++i) f(logits, static_cast<std::int64_t>(i), counted[begin + i]);
  }
}

}  // namespace

Tensor log_probs(const Context& context, const model::GLM& glm, const Scored& rows) {
  Context ctx = whole_batch(context);
  Tape tape(ctx, false);
  Tensor out = ctx.zeros(rows.targets.shape(), DType::kFloat64);
  const Var hidden = glm.hidden(tape, rows.inputs, {});
  glm.loss(tape, hidden, rows.targets, rows.counted, out);
  for (std::int64_t i = 0; i < out.size(); ++i) {
    double& value = out.data<double>()[i];
    if (!std::isfinite(value)) {
      fail<Error>("score", "log_prob", "finite numbers from the model", text(value),
                  "Its weights are damaged or training diverged; load a sound checkpoint.");
    }
    value = value == 0.0 ? 0.0 : -value;
  }
  return out;
}

Tensor best_ids(const Context& context, const model::GLM& glm, const Scored& rows) {
  Context ctx = whole_batch(context);
  Tape tape(ctx, false);
  const Tensor hidden = glm.hidden(tape, rows.inputs, {}).value;
  Tensor out = ctx.empty(rows.targets.shape(), DType::kInt32);
  std::fill_n(out.data<std::int32_t>(), out.size(), -1);
  for_each_counted(ctx, glm, rows, hidden, [&](const Logits& logits, std::int64_t at, std::int64_t row) {
    out.data<std::int32_t>()[row] = logits.best(at);
  });
  return out;
}

}  // namespace wudao::infer
