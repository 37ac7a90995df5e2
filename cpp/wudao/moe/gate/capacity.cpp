#include "wudao/moe/gate/capacity.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace wudao::moe {
namespace {

// The place of a choice among those of a group: token * k + j.
using Places = std::vector<std::int64_t>;

// Those who stay come first.
void order(const Gate& gate, const double* priority, Places& places) {
  const std::int64_t k = gate.k;
  std::sort(places.begin(), places.end(), [&](std::int64_t a, std::int64_t b) {
    if (gate.drop == Drop::kPosition) return std::pair(a % k, a / k) < std::pair(b % k, b / k);
    if (priority[a] != priority[b]) return priority[a] > priority[b];
    return a < b;  // the lower token, then the better choice
  });
}

void drop_in_group(const Gate& gate, std::int64_t size, std::int64_t limit, std::int64_t experts,
                   const double* priority, std::int32_t* kept) {
  std::vector<Places> wanted(static_cast<std::size_t>(experts));
  for (std::int64_t i = 0; i < size; ++i) {
    if (kept[i] >= 0) wanted[static_cast<std::size_t>(kept[i])].push_back(i);
  }
  for (Places& places : wanted) {
    if (static_cast<std::int64_t>(places.size()) <= limit) continue;
    order(gate, priority, places);
    for (std::size_t i = static_cast<std::size_t>(limit); i < places.size(); ++i) kept[places[i]] = -1;
  }
}

}  // namespace

std::int64_t capacity_of(const Gate& gate, std::int64_t tokens, std::int64_t experts) {
  const double rows = gate.capacity_factor * gate.k * static_cast<double>(tokens) / static_cast<double>(experts);
  const double slack = 1e-9 * std::max(1.0, rows);  // 1.1 * 10 is 11, not 11.000000000000002
  return std::max(static_cast<std::int64_t>(std::ceil(rows - slack)), std::int64_t{gate.min_capacity});
}

void drop(const Gate& gate, std::int64_t group_tokens, std::int64_t experts, const Tensor& chosen,
          const Tensor& priority, const Tensor& kept) {
  if (kept.bytes() > 0) std::memcpy(kept.raw(), chosen.raw(), kept.bytes());
  if (gate.capacity_factor == 0.0 || group_tokens == 0) return;
  const std::int64_t limit = capacity_of(gate, group_tokens, experts), size = group_tokens * gate.k;
  for (std::int64_t begin = 0; begin < kept.size(); begin += size) {
    drop_in_group(gate, size, limit, experts, priority.data<double>() + begin, kept.data<std::int32_t>() + begin);
  }
}

}  // namespace wudao::moe
