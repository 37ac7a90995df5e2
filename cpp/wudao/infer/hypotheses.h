// The best finished texts of a beam search.
#pragma once

#include <cstdint>
#include <vector>

#include "wudao/infer/request.h"

namespace wudao::infer {

struct Hypothesis {
  Blank blank;
  double sum = 0.0;    // of the log-probabilities that the search counts, end mark included
  double score = 0.0;  // sum / length^length_penalty
};

class Hypotheses {
 public:
  Hypotheses(std::int64_t capacity, double length_penalty) : capacity_(capacity), length_penalty_(length_penalty) {}

  // score = sum / length^length_penalty; the length counts the tokens, and the end mark if there is one.
  double score(double sum, std::int64_t length) const;
  void add(Hypothesis hypothesis);
  // Whether no text that goes on from sum `best`, between `shortest` and `longest` tokens, can still enter.
  bool settled(double best, std::int64_t shortest, std::int64_t longest) const;
  const std::vector<Hypothesis>& best() const { return kept_; }  // best first; equal scores in order of arrival

 private:
  std::int64_t capacity_;
  double length_penalty_;
  std::vector<Hypothesis> kept_;
};

}  // namespace wudao::infer
