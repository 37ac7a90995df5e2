// Runs a check with the kernels of each instruction-set level that this machine has.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "wudao/backend/cpu/cpu.h"
#include "wudao/base/dtype.h"
#include "wudao/base/thread_pool.h"

namespace check {

inline void on_every_level(const std::function<void(const wudao::kernels::Table&)>& body) {
  for (const wudao::CpuLevel level : wudao::available_cpu_levels()) {
    const wudao::kernels::Table& table = wudao::cpu::table(level);
    try {
      body(table);
    } catch (const Failure& failure) {
      throw Failure(std::string(table.level) + ": " + failure.what());
    }
  }
}

template <class T>
std::vector<T> random_values(std::size_t size, unsigned seed, double deviation = 1.0) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> draw(0.0, deviation);
  std::vector<T> values(size);
  for (T& value : values) value = static_cast<T>(draw(engine));
  return values;
}

// Equality of bits: -0.0 is not 0.0, and a NaN equals itself.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
constexpr wudao::DType dtype_of() {
  return sizeof(T) == 8 ? wudao::DType::kFloat64 : sizeof(T) == 4 ? wudao::DType::kFloat32 : wudao::DType::kBFloat16;
}

}  // namespace check
