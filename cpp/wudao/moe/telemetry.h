// What a layer of experts saw: how evenly its experts were chosen, and what it cost to bring them their rows.
#pragma once

#include "wudao/moe/gate/gate.h"

namespace wudao::moe {

// Time by phase.
struct PhaseSeconds {
  double route = 0.0;     // of choosing experts, forward
  double exchange = 0.0;  // of bringing rows and taking them back, waiting for others among it
  double experts = 0.0;   // of their products
};

struct Telemetry {
  std::vector<std::int64_t> counts, dropped;           // rows that each expert got and let go
  std::vector<std::pair<std::string, double>> losses;  // unscaled; each pass has its part of them
  GroupSums batch;                                     // sums of the passes as one group; of all ranks once shared
  PhaseSeconds seconds;

  void add(const Routing& routing);
  // Makes counts and losses those of all ranks.
  void share(Context& ctx, const Gate& gate, comm::Communicator& world);
};

}  // namespace wudao::moe
