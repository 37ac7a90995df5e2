#include "wudao/moe/config.h"

#include "wudao/base/error.h"

namespace wudao::moe {
namespace {

void check_size(const char* argument, std::int64_t value, std::int64_t low) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  if (value < low || value > kMost) {
    fail<ConfigError>("MoEConfig", argument, text("a whole number from ", low, " to ", kMost), text(value));
  }
}

}  // namespace

std::int64_t LayerConfig::experts() const {
  std::int64_t sum = 0;
  for (const ExpertClass& c : classes) sum += c.count;
  return sum;
}

void LayerConfig::check(int ranks) const {
  check_size("hidden_size", hidden, 1);
  for (const ExpertClass& c : classes) {
    check_size("num_experts", c.count, 1);
    check_size("expert_width", c.width, 1);
  }
  check_size("num_experts", experts(), 1);
  if (experts() < ranks) {
    fail<ConfigError>("MoEConfig", "num_experts", text("at least ", ranks, ", the ranks that share them"),
                      text(experts()), "Use fewer ranks of expert parallelism.");
  }
  gate.check(experts());
  if (picture_experts != 0 && (picture_experts < gate.k || picture_experts > experts() - gate.k)) {
    fail<ConfigError>("MoEConfig", "picture_experts", text(gate.k, " to ", experts() - gate.k, ", so that text and pictures "
                      "have k each; or 0"), text(picture_experts));
  }
  if (!(jitter >= 0.0 && jitter < 1.0)) {
    fail<ConfigError>("MoEConfig", "jitter", "at least 0 and below 1", text(jitter));
  }
  check_size("supernode_size", supernode, 0);
  check_size("shared_width", shared_width, 0);
}

}  // namespace wudao::moe
