#include "wudao/infer/hypotheses.h"

#include <algorithm>
#include <cmath>

namespace wudao::infer {

double Hypotheses::score(double sum, std::int64_t length) const {
  return sum / std::pow(static_cast<double>(length), length_penalty_);
}

void Hypotheses::add(Hypothesis hypothesis) {
  const auto length =
      static_cast<std::int64_t>(hypothesis.blank.tokens.size()) + (hypothesis.blank.end_log_prob ? 1 : 0);
  hypothesis.score = score(hypothesis.sum, length);
  const auto place = std::upper_bound(kept_.begin(), kept_.end(), hypothesis,
                                      [](const Hypothesis& a, const Hypothesis& b) { return a.score > b.score; });
  kept_.insert(place, std::move(hypothesis));
  if (static_cast<std::int64_t>(kept_.size()) > capacity_) kept_.pop_back();
}

bool Hypotheses::settled(double best, std::int64_t shortest, std::int64_t longest) const {
  if (static_cast<std::int64_t>(kept_.size()) < capacity_) return false;
  // A sum only falls from here; dividing by the length that flatters it most gives the bound.
  return kept_.back().score >= std::max(score(best, shortest), score(best, longest));
}

}  // namespace wudao::infer
