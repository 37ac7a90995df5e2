// Rows of logits as samplers read them.
#pragma once

#include <vector>

#include "wudao/infer/rules.h"

namespace wudao::infer {

// Logits without the padding of the vocabulary, all of them finite, with the best id and log(sum(exp)) of each row.
class Logits {
 public:
  // An Error when one of them is not finite.
  Logits(const Context& ctx, Tensor values, std::int64_t columns);

  std::int32_t best(std::int64_t row) const { return best_[static_cast<std::size_t>(row)]; }
  double log_prob(std::int64_t row, std::int32_t id) const { return at(row, id) - log_sum_[static_cast<std::size_t>(row)]; }
  Scores scores(std::int64_t row) const;

 private:
  [[noreturn]] void fail_on(std::int64_t row) const;
  double at(std::int64_t row, std::int64_t id) const;
  Tensor values_;
  std::int64_t columns_;
  std::vector<std::int32_t> best_;
  std::vector<double> log_sum_;
};

}  // namespace wudao::infer
