#include "wudao/base/default_threads.h"

#include <algorithm>
#include <cmath>

#include "wudao/base/affinity.h"
#include "wudao/base/env.h"
#include "wudao/base/error.h"

namespace wudao {
namespace {

constexpr long kMaxThreads = 1024;

void lower(ThreadChoice& choice, int bound, const std::string& reason) {
  if (bound >= choice.threads) return;
  choice.threads = std::max(1, bound);
  choice.reason = reason;
}

// "4" or Slurm's "4(x2),3": the tasks of the first node, which stands for all.
int leading_number(const std::string& value) {
  int number = 0;
  for (const char c : value) {
    if (c < '0' || c > '9' || number > 100000) break;
    number = 10 * number + (c - '0');
  }
  return number;
}

// Of a process that does not know the others: their masks may be its own or have nothing of it, and too few threads cost
// less than too many.
ThreadChoice threads_of_one() {
  const int cores = static_cast<int>(cores_of(allowed_processors()).size());
  ThreadChoice choice{cores, text("cores allowed to the process: ", cores)};
  for (const char* name : {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "LOCAL_WORLD_SIZE", "SLURM_STEP_TASKS_PER_NODE",
                           "SLURM_NTASKS_PER_NODE"}) {
    const int ranks = leading_number(env(name).value_or(""));
    if (ranks > 1) lower(choice, cores / ranks, text(cores, " cores shared by ", ranks, " ranks of this node (", name, ")"));
  }
  if (const std::optional<double> quota = cgroup_quota()) {
    lower(choice, static_cast<int>(std::ceil(*quota)), text("processor quota of the control group: ", *quota));
  }
  return choice;
}

}  // namespace

std::optional<int> asked_threads() {
  const std::optional<long> asked = env_integer("WUDAO_NUM_THREADS", 1, kMaxThreads);
  return asked ? std::optional<int>(static_cast<int>(*asked)) : std::nullopt;
}

// OMP_NUM_THREADS may be a list, one number per level of nesting; the first is ours.
std::optional<int> most_threads() {
  const std::optional<std::string> value = env("OMP_NUM_THREADS");
  if (!value) return std::nullopt;
  const std::string first = value->substr(0, value->find(','));
  const bool digits = !first.empty() && first.size() < 7 && std::all_of(first.begin(), first.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || std::stoi(first) < 1) {
    fail<ConfigError>("environment", "OMP_NUM_THREADS", "a whole number of at least 1", text('"', *value, '"'), "Correct or unset it.");
  }
  return std::stoi(first);
}

ThreadChoice default_threads(const std::optional<ThreadChoice>& share) {
  if (const std::optional<int> asked = asked_threads()) return {*asked, "WUDAO_NUM_THREADS"};
  ThreadChoice choice = share ? *share : threads_of_one();
  if (const std::optional<int> most = most_threads()) lower(choice, *most, "OMP_NUM_THREADS");
  return choice;
}

}  // namespace wudao
