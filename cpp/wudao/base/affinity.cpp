#include "wudao/base/affinity.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "wudao/base/error.h"

namespace wudao {
namespace {

std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

// "max 100000" or "150000 100000" (version 2); "-1" or "150000" beside a period of its own (version 1).
std::optional<double> quota_in(const std::string& folder) {
  std::string quota;
  double period = 0;
  if (const auto line = first_line(folder + "/cpu.max")) {
    std::istringstream(*line) >> quota >> period;
  } else if (const auto old = first_line(folder + "/cpu.cfs_quota_us")) {
    quota = *old;
    std::istringstream(first_line(folder + "/cpu.cfs_period_us").value_or("0")) >> period;
  }
  double granted = 0;
  if (!(std::istringstream(quota) >> granted) || granted <= 0 || period <= 0) return std::nullopt;
  return granted / period;
}

// The smallest quota of a group and all its parents up to the mount point. Inside a container the path of the group may
// not exist under the mount, which then is the container's own group.
std::optional<double> smallest_quota(const std::string& mount, std::string group) {
  std::optional<double> smallest;
  for (;;) {
    const std::optional<double> here = quota_in(mount + group);
    if (here) smallest = std::min(smallest.value_or(*here), *here);
    const std::size_t slash = group.rfind('/');
    if (group.empty() || slash == std::string::npos) return smallest;
    group.resize(slash);
  }
}

bool lists_cpu(const std::string& controllers) { return ("," + controllers + ",").find(",cpu,") != std::string::npos; }

std::vector<int> numbers_in(const cpu_set_t& mask) {
  std::vector<int> out;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &mask)) out.push_back(i);
  }
  return out;
}

// The system cuts what a thread asks for down to what the control group permits.
void* ask_for_all(void* found) {
  cpu_set_t all;
  std::memset(&all, 0xff, sizeof all);
  sched_setaffinity(0, sizeof all, &all);
  sched_getaffinity(0, sizeof all, static_cast<cpu_set_t*>(found));
  return nullptr;
}

}  // namespace

std::vector<int> allowed_processors() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  sched_getaffinity(0, sizeof mask, &mask);
  std::vector<int> out = numbers_in(mask);
  if (out.empty()) {
    for (int i = 0; i < std::max(1, static_cast<int>(std::thread::hardware_concurrency())); ++i) out.push_back(i);
  }
  return out;
}

// Asked by a thread of its own: the masks of the others stay as they are.
std::vector<int> permitted_processors() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  pthread_t thread{};
  if (pthread_create(&thread, nullptr, ask_for_all, &mask) == 0) pthread_join(thread, nullptr);
  const std::vector<int> out = numbers_in(mask);
  return out.empty() ? allowed_processors() : out;
}

std::vector<int> cores_of(const std::vector<int>& processors, const std::string& sys) {
  std::set<int> cores;
  for (const int processor : processors) {
    const auto siblings = first_line(text(sys, "/cpu", processor, "/topology/thread_siblings_list"));  // "0,64" or "0-1"
    int first = 0;
    const bool known = static_cast<bool>(std::istringstream(siblings.value_or("")) >> first);
    cores.insert(known ? first : processor);
  }
  return {cores.begin(), cores.end()};
}

void pin_thread(std::thread& thread, int processor) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(processor, &mask);
  pthread_setaffinity_np(thread.native_handle(), sizeof mask, &mask);
}

std::optional<double> cgroup_quota(const std::string& membership, const std::string& mount) {
  std::ifstream file(membership);
  std::optional<double> smallest;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (group == "/") group.clear();
    std::optional<double> quota;
    if (controllers.empty()) quota = smallest_quota(mount, group);
    if (lists_cpu(controllers)) quota = smallest_quota(mount + "/" + controllers, group);
    if (lists_cpu(controllers) && !quota) quota = smallest_quota(mount + "/cpu", group);
    if (quota) smallest = std::min(smallest.value_or(*quota), *quota);
  }
  return smallest;
}

}  // namespace wudao
