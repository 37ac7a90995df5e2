// How many threads this process takes, and why.
#pragma once

#include <optional>
#include <string>

namespace wudao {

struct ThreadChoice {
  int threads = 1;
  std::string reason;
};

// What the user asks for and allows at the most: WUDAO_NUM_THREADS and OMP_NUM_THREADS.
std::optional<int> asked_threads();
std::optional<int> most_threads();

// Unasked: `share`, which ranks that know of each other have worked out, or else, where nobody knows whose masks
// overlap, min(cores in the affinity mask / ranks on this node, cgroup quota). At least 1, at most most_threads().
// asked_threads() overrides.
ThreadChoice default_threads(const std::optional<ThreadChoice>& share = std::nullopt);

}  // namespace wudao
