#include "wudao/infer/sampler.h"

#include <algorithm>
#include <cmath>

#include "wudao/base/philox.h"

namespace wudao::infer {
namespace {

constexpr std::uint32_t kDrawStream = 0x20000000;  // apart from the streams of dropout and of first values

std::vector<std::int32_t> allowed(const Scores& scores) {
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] != kBanned) ids.push_back(static_cast<std::int32_t>(i));
  }
  if (ids.empty()) {
    fail<ConfigError>("generate", "forbidden_ids", "at least one token that may follow", "none",
                      "Relax forbidden_ids, no_repeat_ngram or min_new_tokens.");
  }
  return ids;
}

// Brings ids [begin, end) of the descending order into their places; those before are there already.
void sort_part(const Scores& scores, std::size_t begin, std::size_t end, std::vector<std::int32_t>& ids) {
  const auto at = [&](std::size_t i) { return ids.begin() + static_cast<std::ptrdiff_t>(i); };
  std::partial_sort(at(begin), at(end), ids.end(), [&](std::int32_t a, std::int32_t b) {
    const double x = scores[static_cast<std::size_t>(a)], y = scores[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  });
}

void keep_best(const Scores& scores, const Sampling& sampling, std::vector<std::int32_t>& ids) {
  const std::size_t end = std::min(static_cast<std::size_t>(sampling.top_k), ids.size());
  sort_part(scores, 0, end, ids);
  const auto rest = ids.begin() + static_cast<std::ptrdiff_t>(end);
  if (sampling.keep_ties) {
    const double last = scores[static_cast<std::size_t>(ids[end - 1])];
    const auto worse = [&](std::int32_t id) { return scores[static_cast<std::size_t>(id)] < last; };
    const auto ties = std::remove_if(rest, ids.end(), worse);
    std::sort(rest, ties);
    ids.erase(ties, ids.end());
  } else {
    ids.erase(rest, ids.end());
  }
}

double best_of(const Scores& scores, const std::vector<std::int32_t>& ids) {
  double top = kBanned;
  for (const std::int32_t id : ids) top = std::max(top, scores[static_cast<std::size_t>(id)]);
  return top;
}

std::vector<double> weights_of(const Scores& scores, const std::vector<std::int32_t>& ids) {
  const double top = best_of(scores, ids);
  std::vector<double> weights;
  weights.reserve(ids.size());
  for (const std::int32_t id : ids) weights.push_back(std::exp(scores[static_cast<std::size_t>(id)] - top));
  return weights;
}

double sum(const std::vector<double>& values) {
  double total = 0.0;
  for (const double value : values) total += value;
  return total;
}

// The nucleus is small as a rule: a vocabulary is sorted only as far as it reaches.
void keep_nucleus(const Scores& scores, double p, std::vector<std::int32_t>& ids) {
  constexpr std::size_t kFirst = 64, kGrowth = 4;
  const double top = best_of(scores, ids);
  const double wanted = p * sum(weights_of(scores, ids));
  double reached = 0.0;
  std::size_t count = 0;
  for (std::size_t sorted = 0; count < ids.size() && (count == 0 || reached < wanted); ++count) {
    if (count == sorted) {
      const std::size_t end = std::min(ids.size(), std::max(kFirst, kGrowth * sorted));
      sort_part(scores, sorted, end, ids);
      sorted = end;
    }
    reached += std::exp(scores[static_cast<std::size_t>(ids[count])] - top);
  }
  ids.resize(count);
}

}  // namespace

std::vector<std::int32_t> candidates(const Scores& scores, const Sampling& sampling) {
  std::vector<std::int32_t> ids = allowed(scores);
  if (sampling.top_k > 0) keep_best(scores, sampling, ids);
  if (sampling.top_p > 0.0 && sampling.top_p < 1.0) keep_nucleus(scores, sampling.top_p, ids);
  return ids;
}

double uniform(std::uint64_t seed, std::int64_t sample, std::int64_t token) {
  const philox::Key key = {seed, static_cast<std::uint32_t>(token), kDrawStream};
  const philox::Words words = philox::draw(key, static_cast<std::uint64_t>(sample));
  const std::uint64_t bits = (std::uint64_t{words.v[0]} << 21) ^ (words.v[1] >> 11);
  return static_cast<double>(bits) * 0x1.0p-53;
}

void heat(double temperature, Scores& scores) {
  if (temperature == 1.0) return;
  const double top = *std::max_element(scores.begin(), scores.end());
  if (top == kBanned) return;
  for (double& score : scores) score = (score - top) / temperature;
}

std::int32_t draw(Scores scores, const Sampling& sampling, double uniform) {
  if (sampling.temperature == 0.0) return candidates(scores, {0.0, 1, 0.0})[0];
  heat(sampling.temperature, scores);
  const std::vector<std::int32_t> ids = candidates(scores, sampling);
  const std::vector<double> weights = weights_of(scores, ids);
  const double target = uniform * sum(weights);
  double reached = 0.0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    reached += weights[i];
    if (reached > target) return ids[i];
  }
  return ids.back();
}

}  // namespace wudao::infer
