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

void keep_best(const Scores& scores, std::int64_t count, std::vector<std::int32_t>& ids) {
  const auto better = [&](std::int32_t a, std::int32_t b) {
    const double x = scores[static_cast<std::size_t>(a)], y = scores[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  const auto middle = ids.begin() + std::min(count, static_cast<std::int64_t>(ids.size()));
  std::partial_sort(ids.begin(), middle, ids.end(), better);
  ids.erase(middle, ids.end());
}

std::vector<double> weights_of(const Scores& scores, const std::vector<std::int32_t>& ids) {
  double top = kBanned;
  for (const std::int32_t id : ids) top = std::max(top, scores[static_cast<std::size_t>(id)]);
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

void keep_nucleus(const Scores& scores, double p, std::vector<std::int32_t>& ids) {
  const std::vector<double> weights = weights_of(scores, ids);
  const double wanted = p * sum(weights);
  double reached = 0.0;
  std::size_t count = 0;
  while (count < ids.size() && (count == 0 || reached < wanted)) reached += weights[count++];
  ids.resize(count);
}

}  // namespace

std::vector<std::int32_t> candidates(const Scores& scores, const Sampling& sampling) {
  std::vector<std::int32_t> ids = allowed(scores);
  const bool nucleus = sampling.top_p > 0.0 && sampling.top_p < 1.0;
  const auto all = static_cast<std::int64_t>(ids.size());
  if (sampling.top_k > 0 || nucleus) keep_best(scores, sampling.top_k > 0 ? sampling.top_k : all, ids);
  if (nucleus) keep_nucleus(scores, sampling.top_p, ids);
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
