#include "wudao/moe/gate/sums.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "wudao/base/thread_pool.h"

namespace wudao::moe {
namespace {

constexpr std::int64_t kExpertsOfTask = 32;
constexpr std::int64_t kOne = std::int64_t{1} << ExactSum::kFraction;
constexpr double kLargest = 0x1p40;  // what is larger counts as this

GroupSums empty_sums(std::int64_t groups, std::int64_t experts) {
  GroupSums sums;
  sums.groups = groups;
  sums.experts = experts;
  const auto size = static_cast<std::size_t>(groups * experts);
  sums.chosen.resize(size);
  sums.chosen_first.resize(size);
  sums.probability.resize(size);
  sums.importance.resize(size);
  sums.load.resize(size);
  sums.z.resize(static_cast<std::size_t>(groups));
  return sums;
}

void carry(ExactSum& sum) {
  sum.whole += sum.fraction >> ExactSum::kFraction;
  sum.fraction &= kOne - 1;
}

void add(ExactSum& into, const ExactSum& from) {
  into.whole += from.whole;
  into.fraction += from.fraction;
  carry(into);
}

// Where the sums of a token's group are.
std::int64_t row_of(const GroupSums& sums, const Tokens& tokens, std::int64_t t) {
  return (tokens.first + t) / sums.size - sums.first_group;
}

void count_choices(const Gate& gate, const Tokens& tokens, const Routing& routing, GroupSums& sums) {
  for (std::int64_t t = 0; t < tokens.logits.dim(0); ++t) {
    const std::int64_t row = row_of(sums, tokens, t) * sums.experts;
    for (int j = 0; j < gate.k; ++j) {
      const std::int32_t e = routing.chosen.data<std::int32_t>()[t * gate.k + j];
      if (e < 0) continue;
      const auto at = static_cast<std::size_t>(row + e);
      ++sums.chosen[at];
      if (j == 0) ++sums.chosen_first[at];
      sums.importance[at].add(routing.shares.data<double>()[t * gate.k + j]);
    }
  }
}

double square_of_log_sum(const Rows& z, std::int64_t t, std::int64_t experts) {
  double most = -std::numeric_limits<double>::infinity(), sum = 0.0;
  for (std::int64_t e = 0; e < experts; ++e) most = std::max(most, z(t, e));
  if (std::isinf(most)) return 0.0;
  for (std::int64_t e = 0; e < experts; ++e) sum += std::exp(z(t, e) - most);
  const double log_sum = most + std::log(sum);
  return log_sum * log_sum;
}

template <class Values>
void append(std::vector<std::int64_t>& out, const Values& values) {
  for (const auto& value : values) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, ExactSum>) {
      out.push_back(value.whole);
      out.push_back(value.fraction);
    } else {
      out.push_back(value);
    }
  }
}

template <class Values>
const std::int64_t* take(const std::int64_t* from, Values& values) {
  for (auto& value : values) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, ExactSum>) {
      value.whole = *from++;
      value.fraction = *from++;
      carry(value);
    } else {
      value = *from++;
    }
  }
  return from;
}

}  // namespace

void ExactSum::add(double value) {
  const double bounded = std::min(value, kLargest), floor = std::floor(bounded);
  whole += static_cast<std::int64_t>(floor);
  fraction += std::llround((bounded - floor) * static_cast<double>(kOne));
  carry(*this);
}

double ExactSum::value() const {
  return static_cast<double>(whole) + static_cast<double>(fraction) / static_cast<double>(kOne);
}

std::int64_t next_best(const Scores& scores, const Gate& gate, const std::int32_t* chosen, std::int64_t t) {
  std::int64_t next = -1;
  double most = -std::numeric_limits<double>::infinity();
  for (std::int64_t e = 0; e < scores.experts(); ++e) {
    if (std::find(chosen, chosen + gate.k, static_cast<std::int32_t>(e)) != chosen + gate.k) continue;
    const double preference = scores.preference(t, e);
    if (preference > most) {
      most = preference;
      next = e;
    }
  }
  return next;
}

Load load_of(const Scores& scores, const Gate& gate, const std::int32_t* chosen, std::int64_t t, std::int64_t e,
             std::int64_t next) {
  const bool in = std::find(chosen, chosen + gate.k, static_cast<std::int32_t>(e)) != chosen + gate.k;
  const std::int64_t threshold = in ? next : chosen[gate.k - 1];
  const Noise noise = scores.noise(t, e);
  if (threshold < 0) return {1.0, 0.0, noise.std, noise.draw, -1, 0.0};
  const double clean = scores.preference(t, e) - noise.std * noise.draw;
  const double argument = (clean - scores.preference(t, threshold)) / noise.std;
  const double value = 0.5 * std::erfc(-argument * std::numbers::sqrt2 / 2.0);
  const double slope = std::exp(-0.5 * argument * argument) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  return {value, slope, noise.std, noise.draw, threshold, argument};
}

GroupSums sum_groups(Context& ctx, const Gate& gate, const Tokens& tokens, const Routing& routing, std::int64_t size) {
  const Scores scores(gate, tokens);
  const std::int64_t count = tokens.logits.dim(0), experts = scores.experts();
  const std::int64_t first = size == 0 ? 0 : tokens.first / size;
  const std::int64_t last = count == 0 ? first : (tokens.first + count - 1) / size + 1;
  GroupSums sums = empty_sums(last - first, experts);
  sums.first_group = first;
  sums.size = size;
  sums.all_groups = size == 0 ? 0 : (tokens.total + size - 1) / size;
  count_choices(gate, tokens, routing, sums);
  const Rows z(tokens.logits);
  std::vector<std::int64_t> next(static_cast<std::size_t>(scores.noisy() ? count : 0));
  std::vector<double> squares(static_cast<std::size_t>(count));
  for_tokens(ctx, count, [&](std::int64_t t) {
    squares[static_cast<std::size_t>(t)] = square_of_log_sum(z, t, experts);
    if (scores.noisy())
      next[static_cast<std::size_t>(t)] = next_best(scores, gate, routing.chosen.data<std::int32_t>() + t * gate.k, t);
  });
  for (std::int64_t t = 0; t < count; ++t) {
    sums.z[static_cast<std::size_t>(row_of(sums, tokens, t))].add(squares[static_cast<std::size_t>(t)]);
  }
  ctx.pool->for_each((experts + kExpertsOfTask - 1) / kExpertsOfTask, [&](std::int64_t task, int) {
    const std::int64_t end = std::min(experts, (task + 1) * kExpertsOfTask);
    for (std::int64_t t = 0; t < count; ++t) {
      const std::int64_t row = row_of(sums, tokens, t) * experts;
      const std::int32_t* chosen = routing.chosen.data<std::int32_t>() + t * gate.k;
      for (std::int64_t e = task * kExpertsOfTask; e < end; ++e) {
        const auto at = static_cast<std::size_t>(row + e);
        sums.probability[at].add(scores.probability(t, e, routing.lse.data<double>()[t]));
        if (scores.noisy())
          sums.load[at].add(load_of(scores, gate, chosen, t, e, next[static_cast<std::size_t>(t)]).value);
      }
    }
  });
  return sums;
}

GroupSums join(const GroupSums& sums) {
  GroupSums all = empty_sums(1, sums.experts);
  all.size = sums.size * sums.all_groups;
  all.all_groups = 1;
  for (std::size_t i = 0; i < sums.chosen.size(); ++i) {
    const std::size_t e = i % static_cast<std::size_t>(sums.experts);
    all.chosen[e] += sums.chosen[i];
    all.chosen_first[e] += sums.chosen_first[i];
    add(all.probability[e], sums.probability[i]);
    add(all.importance[e], sums.importance[i]);
    add(all.load[e], sums.load[i]);
  }
  for (const ExactSum& z : sums.z) add(all.z[0], z);
  return all;
}

GroupSums reduce(Context& ctx, const GroupSums& sums, comm::Communicator& comm) {
  GroupSums whole = empty_sums(sums.all_groups, sums.experts);
  whole.size = sums.size;
  whole.all_groups = sums.all_groups;
  const auto at = static_cast<std::size_t>(sums.first_group * sums.experts);
  const auto place = [&](const auto& from, auto& to, std::size_t begin) {
    std::copy(from.begin(), from.end(), to.begin() + static_cast<std::ptrdiff_t>(begin));
  };
  place(sums.chosen, whole.chosen, at);
  place(sums.chosen_first, whole.chosen_first, at);
  place(sums.probability, whole.probability, at);
  place(sums.importance, whole.importance, at);
  place(sums.load, whole.load, at);
  place(sums.z, whole.z, static_cast<std::size_t>(sums.first_group));
  std::vector<std::int64_t> numbers;
  append(numbers, whole.chosen);
  append(numbers, whole.chosen_first);
  append(numbers, whole.probability);
  append(numbers, whole.importance);
  append(numbers, whole.load);
  append(numbers, whole.z);
  const Tensor flat =
      Tensor::borrow(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, DType::kInt64, nullptr);
  comm.all_reduce(ctx, flat, comm::Reduce::kSum);
  const std::int64_t* from = numbers.data();
  from = take(from, whole.chosen);
  from = take(from, whole.chosen_first);
  from = take(from, whole.probability);
  from = take(from, whole.importance);
  from = take(from, whole.load);
  take(from, whole.z);
  return whole;
}

}  // namespace wudao::moe
