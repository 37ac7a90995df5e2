#include "wudao/moe/gate/losses.h"

namespace wudao::moe {
namespace {

constexpr double kTiny = 1e-10;

struct Variation {
  double mean, variance;
  double value() const { return variance / (mean * mean + kTiny); }
};

Variation variation(const GroupSums& sums, const std::vector<ExactSum>& x, std::int64_t row) {
  const auto count = static_cast<double>(sums.experts);
  double sum = 0.0, squares = 0.0;
  for (std::int64_t e = 0; e < sums.experts; ++e) sum += x[static_cast<std::size_t>(row * sums.experts + e)].value();
  const double mean = sum / count;
  for (std::int64_t e = 0; e < sums.experts; ++e) {
    const double d = x[static_cast<std::size_t>(row * sums.experts + e)].value() - mean;
    squares += d * d;
  }
  return {mean, squares / count};
}

double variation_loss(const GroupSums& sums, const std::vector<ExactSum>& x) {
  double total = 0.0;
  for (std::int64_t g = 0; g < sums.groups; ++g) total += variation(sums, x, g).value();
  return sums.all_groups == 0 ? 0.0 : total / static_cast<double>(sums.all_groups);
}

// Sum over groups and experts of slope * sum of p: every term of these losses is linear in p.
template <class Slope>
double linear_loss(const GroupSums& sums, Slope&& slope) {
  double total = 0.0;
  for (std::int64_t g = 0; g < sums.groups; ++g) {
    double own = 0.0;
    for (std::int64_t e = 0; e < sums.experts; ++e) {
      own += slope(g, e) * sums.probability[static_cast<std::size_t>(g * sums.experts + e)].value();
    }
    total += own;
  }
  return total;
}

}  // namespace

double switch_slope(const Gate& gate, const GroupSums& sums, std::int64_t row, std::int64_t e) {
  if (sums.size == 0) return 0.0;
  const auto size = static_cast<double>(sums.size), groups = static_cast<double>(sums.all_groups);
  const auto chosen = static_cast<double>(sums.chosen[static_cast<std::size_t>(row * sums.experts + e)]);
  return static_cast<double>(sums.experts) * chosen / (gate.k * size) / (size * groups);
}

double gshard_slope(const GroupSums& sums, std::int64_t row, std::int64_t e) {
  if (sums.size == 0) return 0.0;
  const auto size = static_cast<double>(sums.size), groups = static_cast<double>(sums.all_groups);
  const auto first = static_cast<double>(sums.chosen_first[static_cast<std::size_t>(row * sums.experts + e)]);
  return first / size / static_cast<double>(sums.experts) / (size * groups);
}

double switch_loss(const Gate& gate, const GroupSums& sums) {
  return linear_loss(sums, [&](std::int64_t g, std::int64_t e) { return switch_slope(gate, sums, g, e); });
}

double gshard_loss(const GroupSums& sums) {
  return linear_loss(sums, [&](std::int64_t g, std::int64_t e) { return gshard_slope(sums, g, e); });
}

double importance_loss(const GroupSums& sums) { return variation_loss(sums, sums.importance); }
double load_loss(const GroupSums& sums) { return variation_loss(sums, sums.load); }

double z_loss(const GroupSums& all) { return all.size == 0 ? 0.0 : all.z[0].value() / static_cast<double>(all.size); }

std::vector<double> variation_slopes(const GroupSums& sums, const std::vector<ExactSum>& x) {
  std::vector<double> slopes(x.size());
  const auto count = static_cast<double>(sums.experts), groups = static_cast<double>(sums.all_groups);
  for (std::int64_t g = 0; g < sums.groups; ++g) {
    const Variation v = variation(sums, x, g);
    const double below = v.mean * v.mean + kTiny;
    for (std::int64_t e = 0; e < sums.experts; ++e) {
      const auto at = static_cast<std::size_t>(g * sums.experts + e);
      const double rise = 2.0 * (x[at].value() - v.mean) / count / below;
      slopes[at] = (rise - v.variance * 2.0 * v.mean / count / (below * below)) / groups;
    }
  }
  return slopes;
}

}  // namespace wudao::moe
