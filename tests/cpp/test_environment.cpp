// CPU levels, environment variables and the default number of threads.
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "check.h"
#include "wudao/base/affinity.h"
#include "wudao/base/cpu_level.h"
#include "wudao/base/default_threads.h"
#include "wudao/base/env.h"
#include "wudao/base/error.h"

using wudao::ConfigError;

namespace {

struct Variable {  // each case runs in a process of its own, so nothing has to be put back
  Variable(const char* name, const char* value) { setenv(name, value, 1); }
};

std::string folder(const std::string& name) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() / ("wudao_" + name);
  std::filesystem::remove_all(path);
  return path.string();
}

void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

}  // namespace

TEST(cpu_levels_start_with_the_lowest) {
  const auto levels = wudao::available_cpu_levels();
#if defined(__x86_64__)
  CHECK(levels.front() == wudao::CpuLevel::kBaseline);
#else
  CHECK(levels.front() == wudao::CpuLevel::kNeon);
#endif
  for (const wudao::CpuLevel level : levels) CHECK(wudao::parse_cpu_level(wudao::name_of(level)) == level);
}

TEST(cpu_levels_agree_with_the_compiler) {
#if defined(__x86_64__)
  const auto levels = wudao::cpu_levels_of_machine();
  const auto has = [&](wudao::CpuLevel level) {
    return std::find(levels.begin(), levels.end(), level) != levels.end();
  };
  CHECK_EQUAL(has(wudao::CpuLevel::kAvx2), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  CHECK_EQUAL(has(wudao::CpuLevel::kAvx512), __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"));
  CHECK_EQUAL(has(wudao::CpuLevel::kAvx512Vnni), has(wudao::CpuLevel::kAvx512) && __builtin_cpu_supports("avx512vnni"));
  CHECK_EQUAL(has(wudao::CpuLevel::kAvx512Bf16),
              has(wudao::CpuLevel::kAvx512Vnni) && __builtin_cpu_supports("avx512bf16"));
#endif
}

TEST(cpu_levels_of_a_build_are_some_of_the_machine) {
  const auto machine = wudao::cpu_levels_of_machine(), available = wudao::available_cpu_levels();
  CHECK(std::includes(machine.begin(), machine.end(), available.begin(), available.end()));
  for (const wudao::CpuLevel level : machine) {
    if (std::find(available.begin(), available.end(), level) != available.end()) continue;
    const std::string message = MESSAGE_OF(ConfigError, wudao::parse_cpu_level(wudao::name_of(level)));
    CHECK(message.find("which this build lacks") != std::string::npos);
  }
}

TEST(cpu_level_is_the_highest_unless_capped) {
  unsetenv("WUDAO_CPU_ISA");
  CHECK(wudao::choose_cpu_level() == wudao::available_cpu_levels().back());
  const Variable lowest("WUDAO_CPU_ISA", wudao::name_of(wudao::available_cpu_levels().front()));
  CHECK(wudao::choose_cpu_level() == wudao::available_cpu_levels().front());
}

TEST(cpu_level_refuses_the_unknown_and_the_impossible) {
  const Variable unknown("WUDAO_CPU_ISA", "avx1024");
  const std::string message = MESSAGE_OF(ConfigError, wudao::choose_cpu_level());
  CHECK_EQUAL(message.rfind("environment: WUDAO_CPU_ISA: expected one of ", 0), 0u);
  CHECK(message.find("got \"avx1024\". Correct or unset it.") != std::string::npos);
  const char* absent = wudao::available_cpu_levels().front() == wudao::CpuLevel::kNeon ? "avx2" : "neon";
  CHECK(MESSAGE_OF(ConfigError, wudao::parse_cpu_level(absent)).find("which this machine lacks") != std::string::npos);
}

TEST(environment_numbers_are_checked) {
  const Variable bad("WUDAO_NUM_THREADS", "two");
  CHECK_EQUAL(
      MESSAGE_OF(ConfigError, wudao::default_threads()),
      "environment: WUDAO_NUM_THREADS: expected a whole number from 1 to 1024, got \"two\". Correct or unset it.");
  const Variable zero("WUDAO_NUM_THREADS", "0");
  CHECK(MESSAGE_OF(ConfigError, wudao::default_threads()).find("got \"0\"") != std::string::npos);
  CHECK(MESSAGE_OF(wudao::InternalError, wudao::env("WUDAO_UNHEARD_OF")).find("not in the table") != std::string::npos);
}

TEST(default_threads_follow_the_environment) {
  for (const wudao::EnvVariable& variable : wudao::env_variables()) unsetenv(variable.name);
  const int cores = wudao::default_threads().threads;
  CHECK(cores >= 1 && cores <= static_cast<int>(wudao::cores_of(wudao::allowed_processors()).size()));
  {
    const Variable omp("OMP_NUM_THREADS", "1,4");
    CHECK_EQUAL(wudao::default_threads().threads, 1);
    CHECK(cores == 1 || wudao::default_threads().reason == "OMP_NUM_THREADS");
  }
  const Variable more("OMP_NUM_THREADS", "1000");
  CHECK_EQUAL(wudao::default_threads().threads, cores);
  const Variable ranks("MPI_LOCALNRANKS", "64");
  CHECK_EQUAL(wudao::default_threads().threads, std::max(1, cores / 64));
  const Variable asked("WUDAO_NUM_THREADS", "5");
  CHECK_EQUAL(wudao::default_threads().threads, 5);
  CHECK_EQUAL(wudao::default_threads().reason, "WUDAO_NUM_THREADS");
}

TEST(a_share_of_the_node_replaces_the_guess_from_the_launcher) {
  for (const wudao::EnvVariable& variable : wudao::env_variables()) unsetenv(variable.name);
  const Variable ranks("MPI_LOCALNRANKS", "64");
  const wudao::ThreadChoice share{8, "8 cores of its own"};
  CHECK_EQUAL(wudao::default_threads(share).threads, 8);
  CHECK_EQUAL(wudao::default_threads(share).reason, "8 cores of its own");
  const Variable omp("OMP_NUM_THREADS", "3");
  CHECK_EQUAL(wudao::default_threads(share).threads, 3);
  const Variable asked("WUDAO_NUM_THREADS", "5");
  CHECK_EQUAL(wudao::default_threads(share).threads, 5);
}

TEST(what_is_permitted_is_wider_than_where_a_thread_was_bound) {
  const std::vector<int> before = wudao::allowed_processors();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(before.front(), &one);
  CHECK_EQUAL(sched_setaffinity(0, sizeof one, &one), 0);
  const std::vector<int> permitted = wudao::permitted_processors();
  CHECK(std::includes(permitted.begin(), permitted.end(), before.begin(), before.end()));
  CHECK(wudao::allowed_processors() == std::vector<int>{before.front()});  // the caller stays where it was
}

TEST(default_threads_refuse_a_strange_bound) {
  unsetenv("WUDAO_NUM_THREADS");
  const Variable omp("OMP_NUM_THREADS", "many");
  CHECK(MESSAGE_OF(ConfigError, wudao::default_threads()).find("OMP_NUM_THREADS") != std::string::npos);
}

TEST(cgroup_quota_is_read_in_both_versions) {
  const std::string root = folder("cgroup");
  write(root + "/two", "0::/user/job\n");
  CHECK(!wudao::cgroup_quota(root + "/two", root + "/v2"));
  write(root + "/v2/user/job/cpu.max", "max 100000\n");
  CHECK(!wudao::cgroup_quota(root + "/two", root + "/v2"));
  write(root + "/v2/user/cpu.max", "250000 100000\n");  // a parent's limit holds too
  CHECK_EQUAL(wudao::cgroup_quota(root + "/two", root + "/v2").value_or(0), 2.5);
  write(root + "/v2/user/job/cpu.max", "150000 100000\n");
  CHECK_EQUAL(wudao::cgroup_quota(root + "/two", root + "/v2").value_or(0), 1.5);
  write(root + "/one", "5:memory:/x\n4:cpu,cpuacct:/job\n");
  write(root + "/v1/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
  write(root + "/v1/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  CHECK(!wudao::cgroup_quota(root + "/one", root + "/v1"));
  write(root + "/v1/cpu,cpuacct/job/cpu.cfs_quota_us", "300000\n");
  CHECK_EQUAL(wudao::cgroup_quota(root + "/one", root + "/v1").value_or(0), 3.0);
  CHECK(!wudao::cgroup_quota(root + "/absent", root + "/absent"));
}

TEST(hyper_threads_of_one_core_count_once) {
  const std::string root = folder("cpus");
  for (const int i : {0, 1, 2, 3}) {
    write(root + "/cpu" + std::to_string(i) + "/topology/thread_siblings_list", i % 2 == 0 ? "0,2\n" : "1,3\n");
  }
  CHECK(wudao::cores_of({0, 1, 2, 3}, root) == (std::vector<int>{0, 1}));
  CHECK(wudao::cores_of({2, 0}, root) == std::vector<int>{0});
  CHECK(wudao::cores_of({3}, root) == std::vector<int>{1});  // a mask without the first hyper-thread is of that core too
  CHECK(wudao::cores_of({0, 7, 8}, root) == (std::vector<int>{0, 7, 8}));  // without topology files each is a core
  write(root + "/cpu5/topology/thread_siblings_list", "4-5\n");
  CHECK(wudao::cores_of({5}, root) == std::vector<int>{4});
}
