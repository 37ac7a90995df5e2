// Which processors the operating system lets this process use.
#pragma once

#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace wudao {

// Numbers of the processors in the affinity mask, ascending; at least one.
std::vector<int> allowed_processors();

// Numbers of the processors that the control group leaves to this process, wherever a launcher bound it; ascending.
std::vector<int> permitted_processors();

// The cores of `processors`, each by the number of its first hyper-thread; ascending. `sys` is the root of the topology
// files.
std::vector<int> cores_of(const std::vector<int>& processors, const std::string& sys = "/sys/devices/system/cpu");

// Binds a thread to one processor; a refusal of the operating system leaves it free.
void pin_thread(std::thread& thread, int processor);

// Processors' worth of time that the control group (version 1 or 2) and its parents allow; nothing when unlimited.
// `membership` is /proc/self/cgroup and `mount` the root of the control group file systems.
std::optional<double> cgroup_quota(const std::string& membership = "/proc/self/cgroup",
                                   const std::string& mount = "/sys/fs/cgroup");

}  // namespace wudao
