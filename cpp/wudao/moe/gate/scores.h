// From logits to choices: what each token wants, before anybody is full.
#pragma once

#include <functional>

#include "wudao/moe/gate/gate.h"

namespace wudao::moe {

// Element (t, e) of a float32 or float64 matrix, as a double.
class Rows {
 public:
  explicit Rows(const Tensor& x) : wide_(x.dtype() == DType::kFloat64), data_(x.raw()), columns_(x.dim(1)) {}
  double operator()(std::int64_t t, std::int64_t e) const {
    const std::int64_t i = t * columns_ + e;
    return wide_ ? static_cast<const double*>(data_)[i] : static_cast<double>(static_cast<const float*>(data_)[i]);
  }

 private:
  bool wide_;
  const void* data_;
  std::int64_t columns_;
};

void store(const Tensor& to, std::int64_t index, double value);  // float32 or float64

// Runs f(t) for every token on the pool.
void for_tokens(const Context& ctx, std::int64_t tokens, const std::function<void(std::int64_t)>& f);

// What is added to the logit of (global token, expert) in training, and what it was drawn from.
struct Noise {
  double std, draw;
};

class Scores {
 public:
  Scores(const Gate& gate, const Tokens& tokens)
      : gate_(gate), tokens_(tokens), z_(tokens.logits), experts_(tokens.logits.dim(1)) {}

  std::int64_t experts() const { return experts_; }
  bool sigmoid() const { return gate_.kind == GateKind::kBias; }
  // log of what p divides by: p = exp(score - lse) with score = z, or log sigmoid(z) for kBias.
  double log_sum(std::int64_t t) const;
  double score(std::int64_t t, std::int64_t e) const;
  double probability(std::int64_t t, std::int64_t e, double log_sum) const;
  bool noisy() const { return gate_.kind == GateKind::kNoisy && gate_.train; }
  Noise noise(std::int64_t t, std::int64_t e) const;
  // What experts are chosen by; -inf: not at all.
  double preference(std::int64_t t, std::int64_t e) const;

 private:
  const Gate& gate_;
  const Tokens& tokens_;
  Rows z_;
  std::int64_t experts_;
};

// Fills routing.chosen, shares and lse.
void choose(Context& ctx, const Gate& gate, const Tokens& tokens, Routing& routing);

}  // namespace wudao::moe
