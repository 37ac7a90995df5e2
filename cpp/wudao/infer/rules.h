// From a row of logits to scores that respect the rules of a request.
#pragma once

#include <limits>
#include <vector>

#include "wudao/infer/request.h"

namespace wudao::infer {

// Score of a token that may not follow.
constexpr double kBanned = -std::numeric_limits<double>::infinity();

using Scores = std::vector<double>;

// The tokens written so far for one text: all of them, of which the current blank starts at `blank`.
struct Written {
  std::vector<std::int32_t> tokens;
  std::size_t blank = 0;
  std::int64_t in_blank() const { return static_cast<std::int64_t>(tokens.size() - blank); }
};

// log(sum(exp(scores))); banned ones count nothing.
double log_sum_exp(const Scores& scores);

// Logits of tokens that were written before: positive ones divided by the penalty, negative ones multiplied.
void penalise(const Rules& rules, const Written& written, Scores& scores);

// What is forbidden, what would repeat an n-gram of the blank, and an end before the least length. May name an id twice,
// or one that is outside of the vocabulary.
std::vector<std::int32_t> banned(const Rules& rules, const Marks& marks, const Written& written);

// Gives ids the score of what may not follow.
void ban(const std::vector<std::int32_t>& ids, Scores& scores);

}  // namespace wudao::infer
