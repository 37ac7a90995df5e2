// Arrays of any floating type for the kernel tests, and the bound that results are held to.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "wudao/backend/cpu/cpu.h"
#include "wudao/base/dtype.h"
#include "wudao/base/error.h"

namespace check {

using wudao::DType;

// Numbers stored as `dtype`; filled from and read as float64.
class Values {
 public:
  Values(DType dtype, std::size_t size) : dtype_(dtype), bytes_((size + 8) * wudao::size_of(dtype)), size_(size) {}
  Values(DType dtype, const std::vector<double>& from) : Values(dtype, from.size()) {
    for (std::size_t i = 0; i < size_; ++i) set(i, from[i]);
  }

  static Values random(DType dtype, std::int64_t size, unsigned seed, double scale = 1.0) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal(0.0, scale);
    Values values(dtype, static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < values.size(); ++i) values.set(i, normal(generator));
    return values;
  }

  void* data() { return bytes_.data(); }
  const void* data() const { return bytes_.data(); }
  std::size_t size() const { return size_; }
  DType dtype() const { return dtype_; }
  bool operator==(const Values& other) const { return bytes_ == other.bytes_; }

  double operator[](std::size_t i) const {
    if (dtype_ == DType::kFloat64) return read<double>(i);
    if (dtype_ == DType::kFloat32) return read<float>(i);
    if (dtype_ == DType::kFloat16) return static_cast<double>(read<_Float16>(i));
    return std::bit_cast<float>(static_cast<std::uint32_t>(read<std::uint16_t>(i)) << 16);
  }

  std::vector<double> doubles() const {
    std::vector<double> out(size_);
    for (std::size_t i = 0; i < size_; ++i) out[i] = (*this)[i];
    return out;
  }

 private:
  template <class T>
  T read(std::size_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  template <class T>
  void write(std::size_t i, T value) {
    std::memcpy(bytes_.data() + i * sizeof(T), &value, sizeof(T));
  }
  void set(std::size_t i, double value) {
    if (dtype_ == DType::kFloat64) return write(i, value);
    const auto single = static_cast<float>(value);
    if (dtype_ == DType::kFloat32) return write(i, single);
    if (dtype_ == DType::kFloat16) return write(i, static_cast<_Float16>(single));
    const auto bits = std::bit_cast<std::uint32_t>(single);
    write(i, static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
  }

  DType dtype_;
  std::vector<unsigned char> bytes_;
  std::size_t size_;
};

inline Values slice(const Values& from, std::int64_t begin, std::int64_t end) {
  const auto all = from.doubles();
  return Values(from.dtype(), {all.begin() + begin, all.begin() + end});
}

// A buffer in which a value that nobody wrote shows.
inline Values unwritten(DType dtype, std::int64_t size) {
  return Values(dtype, std::vector<double>(static_cast<std::size_t>(size), 77.0));
}

// Whether what lies behind the values is as it was made.
inline bool kept_within(const Values& x) { return x == Values(x.dtype(), x.doubles()); }

inline double largest(const std::vector<double>& x) {
  double most = 0;
  for (double v : x) most = std::max(most, std::abs(v));
  return most;
}

// One value off by an eighth of the largest.
inline Values disturbed(const Values& from) {
  auto all = from.doubles();
  all[all.size() / 2] += (1e-3 + largest(all)) / 8;
  return Values(from.dtype(), all);
}

inline double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    most = std::max(most, std::isfinite(a[i]) ? std::abs(a[i] - b[i]) : HUGE_VAL);
  return most;
}

inline int fraction_bits(DType dtype) {
  if (dtype == DType::kFloat64) return 52;
  if (dtype == DType::kFloat32) return 23;
  return dtype == DType::kFloat16 ? 10 : 7;
}

// The error may be twice that of the plain composition in the same type, or 4 units in the last place of the largest.
inline void close(const std::string& what, const Values& got, const std::vector<double>& exact,
                  const std::vector<double>& plain) {
  const int digits = fraction_bits(got.dtype());
  const double unit = std::ldexp(1.0, std::ilogb(std::max(largest(exact), 1e-300)) - digits);
  const double bound = std::max(2 * distance(Values(got.dtype(), plain).doubles(), exact), 4 * unit);
  const double error = distance(got.doubles(), exact);
  if (!(error <= bound)) fail("close", 0, wudao::text(what, ": error ", error, " is over ", bound));
}

// Runs `body` with the kernels of every level that this machine has.
inline void for_each_level(const std::function<void(const wudao::kernels::Table&, const std::string&)>& body) {
  for (wudao::CpuLevel level : wudao::available_cpu_levels()) body(wudao::cpu::table(level), wudao::name_of(level));
}

}  // namespace check
