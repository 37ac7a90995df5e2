// Which instruction set the kernels and the matrix library may use. Chosen once, from cpuid and what the OS saves.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wudao {

enum class CpuLevel : int { kBaseline = 0, kAvx2 = 1, kAvx512 = 2, kAvx512Vnni = 3, kAvx512Bf16 = 4, kNeon = 5 };

const char* name_of(CpuLevel level);

constexpr bool has_avx512(CpuLevel level) { return level >= CpuLevel::kAvx512 && level <= CpuLevel::kAvx512Bf16; }

// What the processor calls itself.
std::string cpu_model();

// The levels that this machine can run, lowest first; and those of them that are part of this build.
std::vector<CpuLevel> cpu_levels_of_machine();
std::vector<CpuLevel> available_cpu_levels();

// The highest available level, or the one WUDAO_CPU_ISA names; an unknown or impossible request is a ConfigError.
CpuLevel choose_cpu_level();

// A level by its name (baseline, avx2, avx512, avx512_vnni, avx512_bf16, neon); ConfigError when unknown or not
// available here.
CpuLevel parse_cpu_level(std::string_view name);

}  // namespace wudao
