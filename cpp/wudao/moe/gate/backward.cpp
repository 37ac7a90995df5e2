#include <algorithm>
#include <cmath>

#include "wudao/base/error.h"
#include "wudao/moe/gate/losses.h"
#include "wudao/moe/gate/sums.h"

namespace wudao::moe {
namespace {

// Everything about one token's gradient: what pulls at p, at the chosen weights, and at the logits themselves.
class TokenGradient {
 public:
  TokenGradient(const Gate& gate, const Tokens& tokens, const Routing& routing, const LossWeights& weights)
      : gate_(gate), tokens_(tokens), routing_(routing), weights_(weights), scores_(gate, tokens), z_(tokens.logits) {
    if (weights.importance != 0.0) importance_ = variation_slopes(routing.sums, routing.sums.importance);
    if (weights.load != 0.0 && scores_.noisy()) load_ = variation_slopes(routing.sums, routing.sums.load);
  }

  // Adds to dz (E,) and, with noise logits, to dnoise (E,).
  void run(std::int64_t t, const double* dweights, double* dz, double* dnoise) const {
    through_probabilities(t, dz);
    through_weights(t, dweights, dz, dnoise);
    through_log_sum(t, dz);
    if (!load_.empty()) through_load(t, dz, dnoise);
  }

 private:
  std::int64_t experts() const { return scores_.experts(); }
  const std::int32_t* chosen(std::int64_t t) const { return routing_.chosen.data<std::int32_t>() + t * gate_.k; }
  std::int64_t row(const GroupSums& sums, std::int64_t t) const {
    return (tokens_.first + t) / sums.size - sums.first_group;
  }

  // d score / d z: 1, or 1 - sigmoid(z) for log sigmoid(z).
  double score_slope(std::int64_t t, std::int64_t e) const {
    return scores_.sigmoid() ? 1.0 - std::exp(scores_.score(t, e)) : 1.0;
  }

  // p = exp(score - lse): dscore = p (g - sum g p).
  void through_probabilities(std::int64_t t, double* dz) const {
    std::vector<double> pull(static_cast<std::size_t>(experts()));
    bool any = false;
    const auto add = [&](double weight, const auto& slope) {
      if (weight == 0.0) return;
      any = true;
      for (std::int64_t e = 0; e < experts(); ++e) pull[static_cast<std::size_t>(e)] += weight * slope(e);
    };
    const GroupSums &sums = routing_.sums, &sequences = routing_.sequences, &all = routing_.all;
    add(weights_.switch_loss, [&](std::int64_t e) { return switch_slope(gate_, sums, row(sums, t), e); });
    add(weights_.gshard, [&](std::int64_t e) { return gshard_slope(sums, row(sums, t), e); });
    add(weights_.global_batch, [&](std::int64_t e) { return switch_slope(gate_, all, 0, e); });
    if (gate_.sequence_length > 0) {
      add(weights_.sequence, [&](std::int64_t e) { return switch_slope(gate_, sequences, row(sequences, t), e); });
    }
    if (!any) return;
    const double log_sum = routing_.lse.data<double>()[t];
    double mean = 0.0;
    for (std::int64_t e = 0; e < experts(); ++e)
      mean += pull[static_cast<std::size_t>(e)] * scores_.probability(t, e, log_sum);
    for (std::int64_t e = 0; e < experts(); ++e) {
      dz[e] += scores_.probability(t, e, log_sum) * (pull[static_cast<std::size_t>(e)] - mean) * score_slope(t, e);
    }
  }

  // Through w: dropped rows have no weight and pull at nothing, but the importance counts them.
  void through_weights(std::int64_t t, const double* dweights, double* dz, double* dnoise) const {
    const std::int32_t* const own = chosen(t);
    const double* const shares = routing_.shares.data<double>() + t * gate_.k;
    std::vector<double> pull(static_cast<std::size_t>(gate_.k));
    for (int j = 0; j < gate_.k; ++j) {
      const bool kept = routing_.indices.data<std::int32_t>()[t * gate_.k + j] >= 0;
      pull[static_cast<std::size_t>(j)] = kept ? dweights[j] : 0.0;
      if (own[j] < 0 || importance_.empty()) continue;
      const auto at = static_cast<std::size_t>(row(routing_.sums, t) * experts() + own[j]);
      pull[static_cast<std::size_t>(j)] += weights_.importance * importance_[at];
    }
    if (gate_.k == 1 && gate_.kind != GateKind::kNoisy && gate_.kind != GateKind::kBias) {
      return through_one(t, own[0], pull[0], dz);
    }
    double mean = 0.0;
    for (int j = 0; j < gate_.k; ++j) mean += pull[static_cast<std::size_t>(j)] * shares[j];
    for (int j = 0; j < gate_.k; ++j) {
      const std::int64_t e = expert_of_share(t, j);
      if (e < 0) continue;
      const double d = shares[j] * (pull[static_cast<std::size_t>(j)] - mean);
      dz[e] += d * score_slope(t, e);
      if (dnoise != nullptr && scores_.noisy()) dnoise[e] += d * scores_.noise(t, e).draw;
    }
  }

  // k = 1: w = p.
  void through_one(std::int64_t t, std::int64_t expert, double pull, double* dz) const {
    if (expert < 0 || pull == 0.0) return;
    const double log_sum = routing_.lse.data<double>()[t], w = scores_.probability(t, expert, log_sum);
    for (std::int64_t e = 0; e < experts(); ++e) {
      dz[e] += pull * w * ((e == expert ? 1.0 : 0.0) - scores_.probability(t, e, log_sum));
    }
  }

  // The expert behind a share: a second expert of GShard's that was not used has left its share behind.
  std::int64_t expert_of_share(std::int64_t t, int j) const {
    const std::int32_t e = chosen(t)[j];
    const bool unused =
        gate_.kind == GateKind::kGShard && j == 1 && e < 0 && routing_.shares.data<double>()[t * 2 + 1] > 0;
    return unused ? next_best(scores_, gate_, chosen(t), t) : e;
  }

  // z: d mean(lse^2) / dz = 2 lse softmax(z) / T.
  void through_log_sum(std::int64_t t, double* dz) const {
    if (weights_.z == 0.0) return;
    double most = -HUGE_VAL, sum = 0.0;
    for (std::int64_t e = 0; e < experts(); ++e) most = std::max(most, z_(t, e));
    if (std::isinf(most)) return;
    for (std::int64_t e = 0; e < experts(); ++e) sum += std::exp(z_(t, e) - most);
    const double lse = most + std::log(sum), pull = weights_.z * 2.0 * lse / static_cast<double>(routing_.all.size);
    for (std::int64_t e = 0; e < experts(); ++e) dz[e] += pull * std::exp(z_(t, e) - lse);
  }

  // Phi(u), u = (z_e - threshold) / std_e; the threshold is another's noisy logit, z_i + std_i draw_i.
  void through_load(std::int64_t t, double* dz, double* dnoise) const {
    const std::int64_t next = next_best(scores_, gate_, chosen(t), t), first = row(routing_.sums, t) * experts();
    for (std::int64_t e = 0; e < experts(); ++e) {
      const Load load = load_of(scores_, gate_, chosen(t), t, e, next);
      if (load.threshold < 0) continue;
      const double du = weights_.load * load_[static_cast<std::size_t>(first + e)] * load.slope / load.std;
      dz[e] += du;
      dz[load.threshold] -= du;
      if (dnoise == nullptr) continue;
      dnoise[e] -= du * load.argument;
      dnoise[load.threshold] -= du * scores_.noise(t, load.threshold).draw;
    }
  }

  const Gate& gate_;
  const Tokens& tokens_;
  const Routing& routing_;
  const LossWeights& weights_;
  Scores scores_;
  Rows z_;
  std::vector<double> importance_, load_;
};

// dstd to dlogit of softplus: its slope is the sigmoid.
double softplus_slope(double x) { return 1.0 / (1.0 + std::exp(-x)); }

}  // namespace

RouteGradients route_backward(Context& ctx, const Gate& gate, const Tokens& tokens, const Routing& routing,
                              const Tensor& dweights, const LossWeights& losses) {
  const std::int64_t count = tokens.logits.dim(0), experts = tokens.logits.dim(1);
  if (dweights.shape() != routing.weights.shape()) {
    fail<ShapeError>("route_backward", "dweights", to_text(routing.weights.shape()), to_text(dweights.shape()));
  }
  RouteGradients gradients{ctx.empty(tokens.logits.shape(), tokens.logits.dtype()), {}};
  const bool learned = tokens.noise_logits.defined();
  if (learned) gradients.noise_logits = ctx.empty(tokens.logits.shape(), tokens.logits.dtype());
  const TokenGradient gradient(gate, tokens, routing, losses);
  const Rows pulls(dweights);
  for_tokens(ctx, count, [&](std::int64_t t) {
    std::vector<double> dz(static_cast<std::size_t>(experts)), dstd(static_cast<std::size_t>(learned ? experts : 0)),
        dw;
    for (int j = 0; j < gate.k; ++j) dw.push_back(pulls(t, j));
    gradient.run(t, dw.data(), dz.data(), learned ? dstd.data() : nullptr);
    for (std::int64_t e = 0; e < experts; ++e) {
      store(gradients.logits, t * experts + e, dz[static_cast<std::size_t>(e)]);
      if (!learned) continue;
      const double slope = softplus_slope(Rows(tokens.noise_logits)(t, e));
      store(gradients.noise_logits, t * experts + e, dstd[static_cast<std::size_t>(e)] * slope);
    }
  });
  return gradients;
}

}  // namespace wudao::moe
