#include "wudao/infer/rules.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace wudao::infer {
namespace {

template <class T>
Scores read(const T* row, std::int64_t columns) {
  Scores scores(row, row + columns);
  for (const double score : scores) {
    if (std::isfinite(score)) continue;
    fail<Error>("generate", "logits", "finite numbers from the model", text(score),
                "Its weights are damaged or training diverged; load a sound checkpoint.");
  }
  return scores;
}

void forbid(std::int32_t id, Scores& scores) {
  if (id >= 0 && id < static_cast<std::int64_t>(scores.size())) scores[static_cast<std::size_t>(id)] = kBanned;
}

// Every token that followed an earlier occurrence of the last n - 1 tokens.
void ban_ngrams(std::int64_t n, const Written& written, Scores& scores) {
  if (written.in_blank() < n) return;
  const auto begin = written.tokens.begin() + static_cast<std::ptrdiff_t>(written.blank), end = written.tokens.end();
  const auto tail = end - (n - 1);
  for (auto start = begin; start + (n - 1) < end; ++start) {
    if (std::equal(tail, end, start)) forbid(start[n - 1], scores);
  }
}

}  // namespace

Scores read_scores(const Tensor& logits, std::int64_t row, std::int64_t columns) {
  const std::int64_t offset = row * logits.dim(1);
  if (logits.dtype() == DType::kFloat64) return read(logits.data<double>() + offset, columns);
  return read(logits.data<float>() + offset, columns);
}

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

void ban(const Rules& rules, const Marks& marks, const Written& written, Scores& scores) {
  for (const std::int32_t id : rules.forbidden) forbid(id, scores);
  if (rules.no_repeat_ngram > 0) ban_ngrams(rules.no_repeat_ngram, written, scores);
  if (written.in_blank() >= rules.min_new_tokens) return;
  forbid(marks.eop, scores);
  forbid(marks.eos, scores);
}

}  // namespace wudao::infer
