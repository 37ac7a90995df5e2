#include "wudao/base/cpu_level.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "wudao/base/env.h"
#include "wudao/base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace wudao {
namespace {

constexpr CpuLevel kAll[] = {CpuLevel::kBaseline,   CpuLevel::kAvx2,       CpuLevel::kAvx512,
                             CpuLevel::kAvx512Vnni, CpuLevel::kAvx512Bf16, CpuLevel::kNeon};

#if defined(__x86_64__)
struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return Registers{};
  return r;
}

bool has(unsigned word, std::initializer_list<int> bits) {
  return std::all_of(bits.begin(), bits.end(), [word](int bit) { return (word >> bit & 1u) != 0; });
}

// Which register files the operating system saves (XCR0). A processor may have AVX-512 under a system that does not.
unsigned saved_by_system(const Registers& leaf1) {
  if (!has(leaf1.ecx, {27})) return 0;  // OSXSAVE
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

std::vector<CpuLevel> detect() {
  const Registers one = cpuid(1, 0), seven = cpuid(7, 0), seven_one = cpuid(7, 1), extended = cpuid(0x80000001u, 0);
  const unsigned saved = saved_by_system(one);
  std::vector<CpuLevel> out = {CpuLevel::kBaseline};
  const bool avx2 = has(one.ecx, {12, 22, 28, 29}) && has(seven.ebx, {3, 5, 8}) &&  // FMA MOVBE AVX F16C; BMI1 AVX2 BMI2
                    has(extended.ecx, {5}) && has(saved, {1, 2});                   // LZCNT; SSE and AVX state
  if (!avx2) return out;
  out.push_back(CpuLevel::kAvx2);
  const bool avx512 = has(seven.ebx, {16, 17, 28, 30, 31}) && has(saved, {5, 6, 7});  // F DQ CD BW VL; opmask and ZMM state
  if (!avx512) return out;
  out.push_back(CpuLevel::kAvx512);
  if (!has(seven.ecx, {11})) return out;
  out.push_back(CpuLevel::kAvx512Vnni);
  if (has(seven_one.eax, {5})) out.push_back(CpuLevel::kAvx512Bf16);
  return out;
}
#else
std::vector<CpuLevel> detect() { return {CpuLevel::kNeon}; }
#endif

// Whether the kernels of a level are part of this build.
bool is_built(CpuLevel level) {
  switch (level) {
#define LEVEL(space, level) case CpuLevel::level:
#include <levels.def>
#undef LEVEL
      return true;
    default: return false;
  }
}

std::string names(const std::vector<CpuLevel>& levels) {
  std::string out;
  for (const CpuLevel level : levels) out += (out.empty() ? "" : ", ") + std::string(name_of(level));
  return out;
}

}  // namespace

const char* name_of(CpuLevel level) {
  switch (level) {
    case CpuLevel::kBaseline: return "baseline";
    case CpuLevel::kAvx2: return "avx2";
    case CpuLevel::kAvx512: return "avx512";
    case CpuLevel::kAvx512Vnni: return "avx512_vnni";
    case CpuLevel::kAvx512Bf16: return "avx512_bf16";
    case CpuLevel::kNeon: return "neon";
  }
  return "?";
}

std::vector<CpuLevel> cpu_levels_of_machine() {
  static const std::vector<CpuLevel> levels = detect();
  return levels;
}

std::vector<CpuLevel> available_cpu_levels() {
  std::vector<CpuLevel> levels = cpu_levels_of_machine();
  std::erase_if(levels, [](CpuLevel level) { return !is_built(level); });
  return levels;
}

#if defined(__x86_64__)
std::string cpu_model() {
  std::string brand;  // 48 characters in three leaves
  for (unsigned leaf = 0x80000002u; leaf <= 0x80000004u; ++leaf) {
    const Registers r = cpuid(leaf, 0);
    for (const unsigned word : {r.eax, r.ebx, r.ecx, r.edx}) {
      for (int byte = 0; byte < 4; ++byte) brand += static_cast<char>(word >> 8 * byte & 0xffu);
    }
  }
  brand.resize(std::min(brand.find('\0'), brand.size()));
  brand.erase(brand.find_last_not_of(' ') + 1);
  return brand.empty() ? "x86-64" : brand;
}
#else
std::string cpu_model() { return "aarch64"; }
#endif

CpuLevel parse_cpu_level(std::string_view name) {
  const std::vector<CpuLevel> available = available_cpu_levels(), machine = cpu_levels_of_machine();
  const auto known = std::find_if(std::begin(kAll), std::end(kAll), [name](CpuLevel level) { return name == name_of(level); });
  const auto is_in = [&](const std::vector<CpuLevel>& levels) {
    return known != std::end(kAll) && std::find(levels.begin(), levels.end(), *known) != levels.end();
  };
  if (!is_in(available)) {
    const char* lacks = is_in(machine) ? ", which this build lacks" : ", which this machine lacks";
    const char* what = known == std::end(kAll) ? "" : lacks;
    fail<ConfigError>("environment", "WUDAO_CPU_ISA", text("one of ", names(available)), text('"', name, '"', what),
                      "Correct or unset it.");
  }
  return *known;
}

CpuLevel choose_cpu_level() {
  const std::optional<std::string> asked = env("WUDAO_CPU_ISA");
  return asked ? parse_cpu_level(*asked) : available_cpu_levels().back();
}

}  // namespace wudao
