#include "wudao/moe/gate/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "wudao/base/normal.h"
#include "wudao/base/thread_pool.h"

namespace wudao::moe {
namespace {

constexpr std::int64_t kTokensOfTask = 64;
constexpr double kNever = -std::numeric_limits<double>::infinity();
constexpr double kSmallestStd = 0.01;

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// The k largest of some preferences, best first, equal ones in ascending order; -1 where none is left.
void best(const std::vector<double>& preference, int k, std::int32_t* chosen) {
  for (int j = 0; j < k; ++j) {
    chosen[j] = -1;
    double most = kNever;
    for (std::size_t e = 0; e < preference.size(); ++e) {
      if (preference[e] <= most) continue;
      if (std::find(chosen, chosen + j, static_cast<std::int32_t>(e)) != chosen + j) continue;
      most = preference[e];
      chosen[j] = static_cast<std::int32_t>(e);
    }
  }
}

// Takes away all experts outside of the best groups: a group counts the sum of its best k / topk_groups probabilities.
void limit_groups(const Gate& gate, std::vector<double>& preference) {
  const std::size_t size = preference.size() / static_cast<std::size_t>(gate.expert_groups);
  const auto members = static_cast<std::size_t>(std::max(1, gate.k / gate.topk_groups));
  std::vector<double> sums;
  for (int g = 0; g < gate.expert_groups; ++g) {
    const auto begin = preference.begin() + static_cast<std::ptrdiff_t>(g * size);
    std::vector<double> own(begin, begin + static_cast<std::ptrdiff_t>(size));
    std::sort(own.begin(), own.end(), std::greater<>());
    sums.push_back(
        std::accumulate(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(std::min(members, size)), 0.0));
  }
  std::vector<std::int32_t> kept(static_cast<std::size_t>(gate.topk_groups));
  best(sums, gate.topk_groups, kept.data());
  for (std::size_t e = 0; e < preference.size(); ++e) {
    const bool in = std::find(kept.begin(), kept.end(), static_cast<std::int32_t>(e / size)) != kept.end();
    if (!in) preference[e] = kNever;
  }
}

bool normalised(const Gate& gate) {
  return gate.k > 1 || gate.kind == GateKind::kNoisy || gate.kind == GateKind::kBias;
}

// Weights of the chosen, from what they are shared by: p, exp of the noisy logits, or sigmoid.
void share(const Gate& gate, const Scores& scores, std::int64_t t, double log_sum, const std::int32_t* chosen,
           double* shares) {
  double sum = 0.0, most = kNever;
  for (int j = 0; scores.noisy() && j < gate.k; ++j) {
    if (chosen[j] >= 0) most = std::max(most, scores.preference(t, chosen[j]));
  }
  for (int j = 0; j < gate.k; ++j) {
    if (chosen[j] < 0) {
      shares[j] = 0.0;
    } else if (scores.noisy()) {
      shares[j] = std::exp(scores.preference(t, chosen[j]) - most);
    } else {
      shares[j] = scores.probability(t, chosen[j], log_sum);
    }
    sum += shares[j];
  }
  for (int j = 0; normalised(gate) && sum > 0.0 && j < gate.k; ++j) shares[j] /= sum;
}

}  // namespace

void store(const Tensor& to, std::int64_t index, double value) {
  if (to.dtype() == DType::kFloat64) {
    to.data<double>()[index] = value;
  } else {
    to.data<float>()[index] = static_cast<float>(value);
  }
}

void for_tokens(const Context& ctx, std::int64_t tokens, const std::function<void(std::int64_t)>& f) {
  ctx.pool->for_each((tokens + kTokensOfTask - 1) / kTokensOfTask, [&](std::int64_t task, int) {
    const std::int64_t end = std::min(tokens, (task + 1) * kTokensOfTask);
    for (std::int64_t t = task * kTokensOfTask; t < end; ++t) f(t);
  });
}

double Scores::score(std::int64_t t, std::int64_t e) const { return sigmoid() ? -softplus(-z_(t, e)) : z_(t, e); }

double Scores::log_sum(std::int64_t t) const {
  double most = kNever, sum = 0.0;
  for (std::int64_t e = 0; e < experts_; ++e) most = std::max(most, score(t, e));
  if (most == kNever) return kNever;
  for (std::int64_t e = 0; e < experts_; ++e) sum += std::exp(score(t, e) - most);
  return most + std::log(sum);
}

double Scores::probability(std::int64_t t, std::int64_t e, double log_sum) const {
  return log_sum == kNever ? 0.0 : std::exp(score(t, e) - log_sum);
}

Noise Scores::noise(std::int64_t t, std::int64_t e) const {
  const philox::Key key = {tokens_.seed, tokens_.step, tokens_.stream};
  const auto index = static_cast<std::uint64_t>((tokens_.first + t) * experts_ + e);
  const double std = tokens_.noise_logits.defined() ? softplus(Rows(tokens_.noise_logits)(t, e)) + kSmallestStd
                                                    : 1.0 / static_cast<double>(experts_);
  return {std, philox::normal_at(key, index)};
}

double Scores::preference(std::int64_t t, std::int64_t e) const {
  const double z = z_(t, e);
  if (z == kNever) return kNever;
  if (noisy()) {
    const Noise added = noise(t, e);
    return z + added.std * added.draw;
  }
  if (sigmoid()) {
    return std::exp(score(t, e)) + (tokens_.bias.defined() ? tokens_.bias.data<double>()[e] : 0.0);
  }
  return z;
}

void choose(Context& ctx, const Gate& gate, const Tokens& tokens, Routing& routing) {
  const Scores scores(gate, tokens);
  const std::int64_t count = tokens.logits.dim(0), k = gate.k;
  routing.chosen = ctx.empty({count, k}, DType::kInt32);
  routing.shares = ctx.empty({count, k}, DType::kFloat64);
  routing.lse = ctx.empty({count}, DType::kFloat64);
  const philox::Key second = {tokens.seed, tokens.step, tokens.stream + 1};
  for_tokens(ctx, count, [&](std::int64_t t) {
    std::vector<double> preference(static_cast<std::size_t>(scores.experts()));
    const double log_sum = routing.lse.data<double>()[t] = scores.log_sum(t);
    for (std::int64_t e = 0; e < scores.experts(); ++e) {
      const bool grouped = gate.kind == GateKind::kGroupLimited;
      preference[static_cast<std::size_t>(e)] = grouped ? scores.probability(t, e, log_sum) : scores.preference(t, e);
    }
    if (gate.kind == GateKind::kGroupLimited) limit_groups(gate, preference);
    std::int32_t* const chosen = routing.chosen.data<std::int32_t>() + t * k;
    double* const shares = routing.shares.data<double>() + t * k;
    best(preference, gate.k, chosen);
    share(gate, scores, t, log_sum, chosen, shares);
    if (gate.kind != GateKind::kGShard || !gate.train) return;
    const double draw = philox::uniform_at(second, static_cast<std::uint64_t>(tokens.first + t));
    if (!(draw < 2.0 * shares[1])) chosen[1] = -1;  // its share stays: the first one's weight was divided by both
  });
}

}  // namespace wudao::moe
