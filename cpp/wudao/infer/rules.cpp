#include "wudao/infer/rules.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace wudao::infer {
namespace {

// Every token that followed an earlier occurrence of the last n - 1 tokens.
void ban_ngrams(std::int64_t n, const Written& written, std::vector<std::int32_t>& ids) {
  if (written.in_blank() < n) return;
  const auto begin = written.tokens.begin() + static_cast<std::ptrdiff_t>(written.blank), end = written.tokens.end();
  const auto tail = end - (n - 1);
  for (auto start = begin; start + (n - 1) < end; ++start) {
    if (std::equal(tail, end, start)) ids.push_back(start[n - 1]);
  }
}

}  // namespace

double log_sum_exp(const Scores& scores) {
  const double top = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (const double score : scores) sum += std::exp(score - top);
  return top + std::log(sum);
}

void penalise(const Rules& rules, const Written& written, Scores& scores) {
  if (rules.repetition_penalty == 1.0) return;
  for (const std::int32_t id : std::set<std::int32_t>(written.tokens.begin(), written.tokens.end())) {
    double& score = scores[static_cast<std::size_t>(id)];
    score = score > 0 ? score / rules.repetition_penalty : score * rules.repetition_penalty;
  }
}

std::vector<std::int32_t> banned(const Rules& rules, const Marks& marks, const Written& written) {
  std::vector<std::int32_t> ids = rules.forbidden;
  if (rules.no_repeat_ngram > 0) ban_ngrams(rules.no_repeat_ngram, written, ids);
  if (written.in_blank() < rules.min_new_tokens) ids.insert(ids.end(), {marks.eop, marks.eos});
  return ids;
}

void ban(const std::vector<std::int32_t>& ids, Scores& scores) {
  for (const std::int32_t id : ids) {
    if (id >= 0 && id < static_cast<std::int64_t>(scores.size())) scores[static_cast<std::size_t>(id)] = kBanned;
  }
}

}  // namespace wudao::infer
